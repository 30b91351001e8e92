import {
  bug,
  LIMITS,
  LIVE_CLOSE_CODES,
  LIVE_ITEMS,
  LIVE_PATH,
  LIVE_TOPICS,
  LiveFrame,
  LiveRequest,
} from '@muster/contract';
import { page, table } from './markdown.ts';
import { fieldTable, type Schema } from './schema-fields.ts';

const number = (value: number): string => value.toLocaleString('en');

/** docs/reference/live-feed.md: what people's screens may watch, and the frames of it. */
export function livePage(): string {
  const topics = Object.values(LIVE_TOPICS) satisfies readonly { readonly topic: string }[];
  return page(
    '# Live feed',
    `What happens, as it happens, for people's screens: a WebSocket at \`${LIVE_PATH}\` with text frames of JSON. Who ` +
      'it is: `Authorization: Bearer TOKEN`, the cookie of a browser, or a first frame `hello`. Topics are those of ' +
      'the sites that a user may see; any other gets an error frame, whether it exists or not.',
    '## Topics',
    table(
      ['topic', 'items', 'one stands for an older one of the same', 'what'],
      topics.map(({ topic, items, key, meaning }) => [`\`${topic}\``, `\`${items}\``, `\`${key}\``, meaning]),
    ),
    '## Frames of a viewer',
    ...frames(LiveRequest as Schema),
    '## Frames of the server',
    'A subscription begins with a `snapshot`, then each `change` has the next number. After a broken connection, ' +
      'subscribe `from` the last epoch and number: `resumed`, or `gap` and a new snapshot. A viewer that reads too ' +
      'slowly gets values merged, with `first` for where the merged ones begin; alerts are never merged away, the ' +
      'connection is closed instead.',
    ...frames(LiveFrame as Schema),
    '## Items',
    ...Object.entries(LIVE_ITEMS).flatMap(([name, schema]) => [`### ${name}`, fieldTable(schema as Schema)]),
    '## Why a connection is closed',
    table(
      ['close code', 'reason'],
      Object.entries(LIVE_CLOSE_CODES).map(([reason, code]) => [String(code), `\`${reason}\``]),
    ),
    '## Limits',
    table(
      ['limit', 'value'],
      [
        ['one frame of a viewer, bytes', number(LIMITS.liveFrameBytes)],
        ['frames a second of one viewer', number(LIMITS.liveFramesPerSecond)],
        ['topics of one connection', number(LIMITS.liveTopicsPerSocket)],
        ['time to say who it is, ms', number(LIMITS.liveHelloMs)],
      ],
    ),
  );
}

function frames({ anyOf = [] }: Schema): string[] {
  return anyOf.flatMap((frame) => {
    const type = frame.properties?.type?.const;
    if (typeof type !== 'string') throw bug('a frame of the live feed has no type');
    return [`### ${type}`, fieldTable(frame)];
  });
}
