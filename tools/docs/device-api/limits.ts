import { LIMITS } from '@muster/contract';
import { MQTT_LIMITS } from '../../../packages/server/src/gateway/mqtt/config.ts';
import type { Setting } from '../../../packages/server/src/platform/settings.ts';
import { table } from '../markdown.ts';

const number = (value: number): string => value.toLocaleString('en');

/** What a device may send at all. */
export function messageLimits(): string {
  return table(
    ['limit', 'value'],
    [
      ['one message, bytes', number(LIMITS.deviceMessageBytes)],
      ['how deep its JSON may nest', number(LIMITS.jsonDepth)],
      ['instants in one message', number(LIMITS.pointsPerMessage)],
      ['series in one instant', number(LIMITS.valuesPerPoint)],
      ['one string, characters', number(LIMITS.pointStringChars)],
      ['one object, bytes of JSON', number(LIMITS.pointObjectBytes)],
      ['series of one device', number(LIMITS.seriesPerDevice)],
      ['streams of one device', number(LIMITS.streamsPerDevice)],
      ['how far ahead of the server a time may be, ms', number(LIMITS.futureMs)],
      ['one half of a twin, bytes of JSON', number(LIMITS.twinBytes)],
      ['how deep a twin, arguments and results may nest', number(LIMITS.twinDepth)],
      ['arguments or result of a command, bytes of JSON', number(LIMITS.commandBytes)],
      ['commands that wait for one device', number(LIMITS.commandsPerDevice)],
    ],
  );
}

/** What one client may use of MQTT, and what all of them may. */
export function mqttLimits(settings: readonly Setting[]): string {
  const fixed = [
    ['topic and properties of a packet, bytes', number(MQTT_LIMITS.headBytes)],
    ['publishes that wait for their acknowledgement (receive maximum)', number(MQTT_LIMITS.inflight)],
    ['topic aliases', number(MQTT_LIMITS.topicAliases)],
    ['subscriptions', number(MQTT_LIMITS.subscriptions)],
    ['messages kept for a session that is away', number(MQTT_LIMITS.queued)],
    ['retained topics of one device', number(MQTT_LIMITS.retained)],
    ['sessions of one device', number(MQTT_LIMITS.sessionsPerIdentity)],
    ['time until CONNECT, ms', number(MQTT_LIMITS.connectMs)],
    ['longest keep-alive, s', number(MQTT_LIMITS.keepAliveSeconds)],
  ];
  const adjustable = settings
    .filter(({ path }) => /^mqtt\.(?:.*Per(?:Second|Minute)|maxConnections|sessionDays)$/.test(path))
    .map(({ path, schema }) => [`\`${path}\`: ${schema.description ?? ''}`, number(Number(schema.default))]);
  return table(['limit', 'value, or default of the setting'], [...fixed, ...adjustable]);
}
