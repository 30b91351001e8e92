import {
  DeviceEventList,
  ErrorReply,
  Id,
  LAST_AT,
  LatestList,
  MusterError,
  SeriesList,
  TelemetryReply,
} from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../platform/http/index.ts';
import { SERIES_NAME } from './points.ts';
import type { Telemetry } from './telemetry.ts';

export const DeviceParams = Type.Object({ deviceId: Id });
const DAY_MS = 86_400_000;
const INSTANT = { minimum: 0, maximum: LAST_AT };
/** Most series in one answer. */
const MOST_SERIES = 32;
const Names = Type.String({
  maxLength: MOST_SERIES * 65,
  description: 'Names of series with commas between them; default: all, up to 32',
});
export const Span = {
  from: Type.Optional(Type.Integer({ ...INSTANT, description: 'Epoch ms; default: a day before `to`' })),
  to: Type.Optional(Type.Integer({ ...INSTANT, description: 'Epoch ms, not in it; default: now' })),
};

export function telemetryRoutes(
  app: Http,
  telemetry: Telemetry,
  /** NOT_FOUND. */
  deviceOf: (deviceId: string) => Promise<{ readonly deviceId: string; readonly siteId: string }>,
): void {
  const tags = ['telemetry'];
  const failures = { '4xx': ErrorReply };

  async function named(deviceId: string, series: string | undefined): Promise<string[]> {
    if (series !== undefined) return readNames(series, MOST_SERIES);
    return (await telemetry.seriesOf(deviceId)).slice(0, MOST_SERIES).map((one) => one.series);
  }

  app.get(
    '/api/devices/:deviceId/series',
    {
      config: { action: 'telemetry.read' },
      schema: {
        tags,
        summary: 'What a device measures',
        params: DeviceParams,
        response: { 200: SeriesList, ...failures },
      },
    },
    async (request) => {
      const { deviceId, siteId } = await deviceOf(request.params.deviceId);
      request.access.allow(siteId);
      return { series: await telemetry.seriesOf(deviceId) };
    },
  );

  app.get(
    '/api/devices/:deviceId/telemetry/latest',
    {
      config: { action: 'telemetry.read' },
      schema: {
        tags,
        summary: 'The newest value of each series',
        params: DeviceParams,
        response: { 200: LatestList, ...failures },
      },
    },
    async (request) => {
      const { deviceId, siteId } = await deviceOf(request.params.deviceId);
      request.access.allow(siteId);
      return { latest: await telemetry.latest(deviceId) };
    },
  );

  app.get(
    '/api/devices/:deviceId/telemetry',
    {
      config: { action: 'telemetry.read' },
      schema: {
        tags,
        summary: 'Measurements of a span: points, or buckets when there are more than asked for',
        params: DeviceParams,
        querystring: Type.Object({
          series: Type.Optional(Names),
          ...Span,
          points: Type.Integer({ minimum: 1, maximum: 10_000, default: 1_000, description: 'About how many' }),
        }),
        response: { 200: TelemetryReply, ...failures },
      },
    },
    async (request) => {
      const { deviceId, siteId } = await deviceOf(request.params.deviceId);
      request.access.allow(siteId);
      const span = readSpan(request.query);
      const series = await named(deviceId, request.query.series);
      return { ...span, data: await telemetry.query({ deviceId, series, ...span, points: request.query.points }) };
    },
  );

  app.get(
    '/api/devices/:deviceId/events',
    {
      config: { action: 'telemetry.read' },
      schema: {
        tags,
        summary: 'What happened on a device, newest first',
        params: DeviceParams,
        querystring: Type.Object({
          limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }),
          after: Type.Optional(Id),
        }),
        response: { 200: DeviceEventList, ...failures },
      },
    },
    async (request) => {
      const { deviceId, siteId } = await deviceOf(request.params.deviceId);
      request.access.allow(siteId);
      const { limit, after } = request.query;
      const page = await telemetry.events(deviceId, limit + 1, after ?? null);
      const shown = page.slice(0, limit);
      return { events: shown, next: page.length > limit ? (shown.at(-1)?.eventId ?? null) : null };
    },
  );
}

/** REQUEST_INVALID. */
export function readNames(series: string, most: number): string[] {
  const names = series.split(',');
  if (names.length > most) throw new MusterError('REQUEST_INVALID', {}, { say: `At most ${most} series at a time.` });
  const wrong = names.find((name) => !SERIES_NAME.test(name));
  if (wrong === undefined) return names;
  throw new MusterError('REQUEST_INVALID', {}, { say: `"${wrong.slice(0, 80)}" is no name of a series.` });
}

/** REQUEST_INVALID. */
export function readSpan({ from, to }: { readonly from?: number; readonly to?: number }): {
  readonly from: number;
  readonly to: number;
} {
  const end = to ?? Date.now();
  const span = { from: from ?? Math.max(0, end - DAY_MS), to: end };
  if (span.from >= span.to) throw new MusterError('REQUEST_INVALID', {}, { say: '`from` is not before `to`.' });
  return span;
}
