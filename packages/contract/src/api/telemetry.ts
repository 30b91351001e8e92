import { type Static, Type } from 'typebox';
import { EVENT_LEVELS } from '../device-api/messages.ts';
import { type PointValue, VALUE_KINDS } from '../device-api/values.ts';
import { At, Id, literals, nullable } from './fields.ts';

const Value = Type.Unsafe<PointValue>({ description: 'A number, boolean, string or object, as the kind says' });
const Unit = nullable(Type.String({ description: 'UCUM, such as Cel or %; null when the profile says none' }));

export const SeriesInfo = Type.Object({
  series: Type.String(),
  kind: literals(VALUE_KINDS),
  unit: Unit,
});
export type SeriesInfo = Static<typeof SeriesInfo>;
export const SeriesList = Type.Object({ series: Type.Array(SeriesInfo) });

export const LatestValue = Type.Object({
  series: Type.String(),
  kind: literals(VALUE_KINDS),
  unit: Unit,
  at: Type.Integer({ description: 'When it was measured, by the clock of the device, epoch ms' }),
  receivedAt: At,
  value: Value,
});
export type LatestValue = Static<typeof LatestValue>;
export const LatestList = Type.Object({ latest: Type.Array(LatestValue) });
export type LatestList = Static<typeof LatestList>;

export const RESOLUTIONS = ['raw', '1m', '1h', '1d'] as const;
/** What a series held in one span. A span without points has no bucket's numbers: null. */
export const Bucket = Type.Object({
  at: Type.Integer({ description: 'Begin of the span, epoch ms' }),
  min: nullable(Type.Number()),
  max: nullable(Type.Number()),
  avg: nullable(Type.Number()),
  last: nullable(Type.Number()),
  count: Type.Integer({ minimum: 0 }),
});
export type Bucket = Static<typeof Bucket>;
export const RawPoint = Type.Object({ at: Type.Integer(), value: Value });
export type RawPoint = Static<typeof RawPoint>;

/** One series of an answer: `points` as they came, or `buckets` of equal width when there are too many of them. */
export const SeriesData = Type.Object({
  series: Type.String(),
  kind: literals(VALUE_KINDS),
  unit: Unit,
  resolution: literals(RESOLUTIONS, 'What the buckets were made from'),
  bucketMs: nullable(Type.Integer({ description: 'Width of a bucket; null for points as they came' })),
  points: nullable(Type.Array(RawPoint)),
  buckets: nullable(Type.Array(Bucket)),
});
export type SeriesData = Static<typeof SeriesData>;
export const TelemetryReply = Type.Object({ from: At, to: At, data: Type.Array(SeriesData) });
export type TelemetryReply = Static<typeof TelemetryReply>;

export const DeviceEvent = Type.Object({
  eventId: Id,
  name: Type.String(),
  level: literals(EVENT_LEVELS),
  data: Type.Unknown(),
  at: Type.Integer(),
  receivedAt: At,
});
export type DeviceEvent = Static<typeof DeviceEvent>;
export const DeviceEventList = Type.Object({ events: Type.Array(DeviceEvent), next: nullable(Type.String()) });
export type DeviceEventList = Static<typeof DeviceEventList>;

/** Forms in which measurements leave and come back. */
export const TRANSFER_FORMATS = ['csv', 'ndjson'] as const;
export type TransferFormat = (typeof TRANSFER_FORMATS)[number];
/**
 * Columns of a CSV file, and members of a line of NDJSON, in this order. Of what comes back `at` (epoch ms, or ISO 8601
 * with its zone), `series` and `value` must be there; `unit` is for readers and is not taken. `deviceId` stands first in
 * the file of a whole site.
 */
export const TRANSFER_COLUMNS = ['at', 'series', 'kind', 'value', 'seq', 'unit'] as const;
/** Header of an export: how many rows it will have, when they could be counted quickly. */
export const TRANSFER_ROWS_HEADER = 'x-telemetry-rows';

export const ImportReply = Type.Object({
  lines: Type.Integer({ minimum: 0, description: 'Lines with a measurement, or that should have one' }),
  stored: Type.Integer({ minimum: 0, description: 'Measurements that are stored now, also those that were before' }),
  refused: Type.Integer({ minimum: 0 }),
  /** The first 20 lines that were refused; the first line of the file is 1. */
  faults: Type.Array(Type.Object({ line: Type.Integer(), fault: Type.String() })),
});
export type ImportReply = Static<typeof ImportReply>;
