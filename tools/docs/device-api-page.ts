import { APP_TOPIC, bug, DEVICE_TOPICS, hasShape } from '@muster/contract';
import type { Setting } from '../../packages/server/src/platform/settings.ts';
import { messageLimits, mqttLimits } from './device-api/limits.ts';
import { DEVICE_MESSAGES, type DocumentedMessage } from './device-api/messages.ts';
import { refusalTable } from './device-api/refusals.ts';
import { NOT_FROM_THINGSBOARD, thingsBoardTable } from './device-api/thingsboard.ts';
import { page, table } from './markdown.ts';
import { fieldTable, type Schema } from './schema-fields.ts';

type Name = keyof typeof DEVICE_TOPICS;

/** docs/reference/device-api.md, out of the contract and the tables that the gateways answer from. */
export function deviceApiPage(settings: readonly Setting[]): string {
  const names = Object.keys(DEVICE_TOPICS) as Name[];
  return page(
    '# Device API',
    'What a device and Muster say to each other: the same messages over MQTT (3.1.1 and 5), HTTP and WebSocket, as ' +
      'JSON in UTF-8. [A first device in five minutes](../guides/first-mqtt-device.md) shows it at work. Times are ' +
      'epoch milliseconds. A field with `?` may be left out; a field that is not listed is refused.',
    '## Who a device is',
    'Its credential is its token (`muster devices create`, or its activation). An id in a message is not needed: the ' +
      'connection says which device speaks, and it reaches its own topics only.',
    table(
      ['wire', 'where', 'the token is'],
      [
        ['MQTT', 'port 1883 on loopback, 8883 with TLS', 'the password, with any user name; or the user name alone'],
        ['HTTP', '`/device/v1/…` below the address of the server', '`Authorization: Bearer TOKEN`'],
        ['WebSocket', '`/device/v1/socket`', '`Authorization: Bearer TOKEN` in the handshake'],
      ],
    ),
    'An MQTT client id that begins with a device id must be that of this device. `{me}` in a topic is the word `me` ' +
      'or the id of the device. A wildcard reaches no further than the own topics. The user name `key` is for ' +
      'programs of yours, with an API key as the password (`muster keys create`).',
    '## The messages at a glance',
    table(['message', 'MQTT topic', 'HTTP', 'WebSocket frame'], names.map(glance)),
    ...names.flatMap((name) => section(name, DEVICE_MESSAGES[name])),
    '## Frames of the WebSocket',
    'A frame is one JSON object: `{"type": "telemetry", "id": 7, …fields of the message}`. The answer has the same ' +
      '`id`: `{"type": "ack", "id": 7, …}` when it is committed, or `{"type": "error", "id": 7, "code", "message"}`. ' +
      'Commands and deltas come after the device asked for them: ' +
      '`{"type": "listen", "id": 1, "commands": true, "twin": true}`.',
    '## Acknowledgement, and what QoS means',
    table(
      ['QoS', 'up', 'down'],
      [
        ['0', 'stored like the others, and nobody tells you: a lost connection loses it', 'dropped when you are slow'],
        ['1', 'PUBACK leaves after the commit: what was acknowledged is stored', 'kept for a session that is kept'],
        [
          '2',
          'PUBREC leaves after the commit; a packet sent again within the session is stored once',
          'as 1, once while the session holds',
        ],
      ],
    ),
    'Acknowledgements leave in the order of the messages. Without one, send again with the same `seq`: that, and not ' +
      'QoS 2, is what makes a measurement stored exactly once over restarts of the device and of the server. Commands ' +
      'and deltas are sent at QoS 0, for the server itself follows up on them. A last will counts as a message.',
    '## Once, and when',
    'A number `seq` counts within a stream of a device (`stream`; without it one for measurements, one for events). ' +
      'A number that was stored is acknowledged again and not stored again, over any wire and in any order. Without ' +
      '`seq`, two messages with the same `at` and series leave one point: the later.',
    '`at` is the time of the measurement by the clock of the device; without it, the time at which it came. Both are ' +
      'kept. A time is never altered: one too far ahead, or older than what the site keeps, is refused with ' +
      '`TIME_IMPOSSIBLE`. Late points are welcome: averages that were made are made again.',
    '## Refusals',
    'MQTT 5 says the reason in PUBACK or PUBREC, with a sentence for people; HTTP answers ' +
      '`{"error": {"code", "message", "requestId"}}`; WebSocket sends an error frame with the code. Over MQTT 3.1.1 a ' +
      'message that will never be taken is acknowledged, so that the client does not send it for ever, and one that ' +
      'may be taken later ends the connection, so that it does. A packet larger than the limits of the client ends ' +
      'the connection (0x95). A device that is refused too often raises an alert.',
    refusalTable(),
    '## Limits of a message',
    messageLimits(),
    '## Limits of a client',
    'Past its rate an MQTT or a WebSocket connection is read more slowly, and one over MQTT that is far past it is ' +
      'closed with `MESSAGE_RATE` (0x96); HTTP answers 429 `RATE_LIMITED` and says how long to wait.',
    mqttLimits(settings),
    '## Topics of your own',
    `Below \`${APP_TOPIC}\` a device and programs with an API key talk as they like, with every QoS and retained ` +
      'messages. Only these topics are retained.',
    '## Devices of ThingsBoard',
    'Its device API is understood on the same ports, so that a fleet moves by changing an address: ' +
      '[Move from ThingsBoard](../guides/move-from-thingsboard.md).',
    thingsBoardTable(),
    'What is not:',
    NOT_FROM_THINGSBOARD.map((line) => `- ${line}`).join('\n'),
  );
}

function glance(name: Name): string[] {
  const { topic, direction } = DEVICE_TOPICS[name];
  const { http, frame } = DEVICE_MESSAGES[name];
  return [
    `[${name}](#${name.toLowerCase()})`,
    `\`${topic}\` (${direction})`,
    http === null ? '' : `\`${http}\``,
    frame === null ? '' : `\`${frame}\``,
  ];
}

function section(name: Name, message: DocumentedMessage): string[] {
  const { title, text, schema, examples, http, frame, acknowledged } = message;
  const { topic, direction } = DEVICE_TOPICS[name];
  if (schema !== null) {
    for (const example of examples) {
      if (!hasShape(schema)(example)) throw bug(`an example of ${name} does not fit its schema`, { example });
    }
  }
  const where = [
    `- MQTT: \`${topic}\`, ${direction === 'up' ? 'the device publishes' : 'the device subscribes'}`,
    ...(http === null ? [] : [`- HTTP: \`${http}\``]),
    ...(frame === null ? [] : [`- WebSocket: a frame of type \`${frame}\``]),
    `- ${direction === 'up' ? 'Acknowledged' : 'Answer'}: ${acknowledged}`,
  ].join('\n');
  return [
    `### ${name}`,
    `**${title}.** ${text}`,
    where,
    ...(schema === null ? [] : [fieldTable(schema as Schema, true)]),
    ...(examples.length === 0 ? [] : [`\`\`\`json\n${examples.map((one) => JSON.stringify(one)).join('\n')}\n\`\`\``]),
  ];
}
