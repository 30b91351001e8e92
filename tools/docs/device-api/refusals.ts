import { ERROR_CODES, type ErrorCode } from '@muster/contract';
import { publishReason } from '../../../packages/server/src/gateway/mqtt/wire/reasons.ts';
import { table } from '../markdown.ts';

/** Codes with which a message of a device may be refused, in the order in which they are looked for. */
const REFUSALS = [
  'DEVICE_TOKEN_INVALID',
  'TOPIC_FORBIDDEN',
  'TOPIC_UNKNOWN',
  'FRAME_TOO_LARGE',
  'MESSAGE_TOO_DEEP',
  'MESSAGE_INVALID',
  'TIME_IMPOSSIBLE',
  'SERIES_KIND',
  'SERIES_LIMIT',
  'STREAM_LIMIT',
  'RETAINED_LIMIT',
  'TWIN_TOO_LARGE',
  'NOT_FOUND',
  'QUEUE_FULL',
  'DATABASE_UNAVAILABLE',
  'STORAGE_FULL',
  'INTERNAL',
] as const satisfies readonly ErrorCode[];

/** Each refusal on each wire, out of the tables that the server answers from. */
export function refusalTable(): string {
  return table(
    ['code', 'MQTT 5', 'MQTT 3.1.1', 'HTTP', 'send again', 'meaning'],
    REFUSALS.map((code) => {
      const { status, retryable, meaning } = ERROR_CODES[code];
      const isConnect = code === 'DEVICE_TOKEN_INVALID';
      return [
        `\`${code}\``,
        isConnect ? 'CONNACK 0x86' : `0x${publishReason(code).toString(16)}`,
        isConnect ? 'CONNACK 4' : retryable ? 'the connection ends' : 'taken, and told on `refused`',
        String(status),
        retryable ? 'yes, later' : 'no',
        meaning,
      ];
    }),
  );
}
