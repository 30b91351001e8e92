import { Readable } from 'node:stream';
import {
  ErrorReply,
  Id,
  ImportReply,
  LIMITS,
  MusterError,
  TRANSFER_FORMATS,
  TRANSFER_ROWS_HEADER,
  type TransferFormat,
  type ValueKind,
} from '@muster/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Audit } from '../../accounts/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Http } from '../../platform/http/index.ts';
import { DeviceParams, readNames, readSpan, Span } from '../routes.ts';
import type { Telemetry } from '../telemetry.ts';
import { importFile } from './import.ts';
import { createPlaces } from './places.ts';
import { csvHeader, csvLine, ndjsonLine, type OutRow } from './rows.ts';

const CONTENT_TYPES: Readonly<Record<TransferFormat, string>> = {
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
};
const query = {
  format: Type.Unsafe<TransferFormat>(
    Type.String({
      enum: [...TRANSFER_FORMATS],
      default: 'csv',
      description: 'CSV (RFC 4180), or a JSON object a line',
    }),
  ),
  ...Span,
};
const Names = Type.String({
  maxLength: LIMITS.seriesPerDevice * 65,
  description: 'Names of series with commas between them; default: all',
});
export interface TransferDeps {
  readonly audit: Pick<Audit, 'append'>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** NOT_FOUND. */
  readonly deviceOf: (deviceId: string) => Promise<{ readonly deviceId: string; readonly siteId: string }>;
  /** Of a site, in any order. */
  readonly devicesOf: (siteId: string) => AsyncIterable<string>;
}

/** Measurements as files: out, in the order of their time, and in. */
export function transferRoutes(app: Http, deps: TransferDeps): void {
  const { telemetry, deviceOf } = deps;
  const tags = ['telemetry'];
  const failures = { '4xx': ErrorReply };

  const places = createPlaces(deps.clock);

  /**
   * The client reads as fast as it likes: the next page is read when it took the one before. A fault in the middle breaks
   * the answer off without its last chunk, so that nobody takes a part for the whole.
   */
  function send(reply: FastifyReply, format: TransferFormat, name: string, text: AsyncIterable<string>) {
    return reply
      .header('content-type', CONTENT_TYPES[format])
      .header('content-disposition', `attachment; filename="${name}.${format}"`)
      .send(Readable.from(text));
  }

  async function* textOf(
    format: TransferFormat,
    pages: AsyncIterable<{ readonly deviceId: string | null; readonly rows: readonly OutRow[] }>,
    ofSite: boolean,
  ): AsyncIterable<string> {
    const line = format === 'csv' ? csvLine : ndjsonLine;
    if (format === 'csv') yield csvHeader(ofSite);
    for await (const { deviceId, rows } of pages) yield rows.map((row) => line(row, deviceId)).join('');
  }

  async function allSeries(deviceId: string): Promise<string[]> {
    return (await telemetry.seriesOf(deviceId)).map(({ series }) => series);
  }

  app.get(
    '/api/devices/:deviceId/telemetry/export',
    {
      config: { action: 'telemetry.export' },
      schema: {
        tags,
        summary: `Measurements of a span as a file; ${TRANSFER_ROWS_HEADER} says how many rows, when that is known`,
        params: DeviceParams,
        querystring: Type.Object({ series: Type.Optional(Names), ...query }),
        response: failures,
      },
    },
    async (request, reply) => {
      const { deviceId, siteId } = await deviceOf(request.params.deviceId);
      request.access.allow(siteId);
      const { format, series } = request.query;
      const span = readSpan(request.query);
      const names = series === undefined ? await allSeries(deviceId) : readNames(series, LIMITS.seriesPerDevice);
      const done = places.take(siteId, reply.raw);
      try {
        const asked = { deviceId, series: names, ...span };
        const rows = await telemetry.exporter.count(asked);
        if (rows !== null) void reply.header(TRANSFER_ROWS_HEADER, rows);
        const pages = withDevice(null, telemetry.exporter.pages(asked));
        return send(reply, format, `telemetry-${deviceId}`, textOf(format, pages, false));
      } catch (error) {
        done();
        throw error;
      }
    },
  );

  app.get(
    '/api/sites/:siteId/telemetry/export',
    {
      config: { action: 'telemetry.export' },
      schema: {
        tags,
        summary: 'Measurements of all devices of a site as a file, one device after the other',
        params: Type.Object({ siteId: Id }),
        querystring: Type.Object(query),
        response: failures,
      },
    },
    async (request, reply) => {
      const { siteId } = request.params;
      request.access.allow(siteId);
      const { format } = request.query;
      const span = readSpan(request.query);
      async function* pages() {
        for await (const deviceId of deps.devicesOf(siteId)) {
          const asked = { deviceId, series: await allSeries(deviceId), ...span };
          yield* withDevice(deviceId, telemetry.exporter.pages(asked));
        }
      }
      places.take(siteId, reply.raw);
      return send(reply, format, `telemetry-${siteId}`, textOf(format, pages(), true));
    },
  );

  app.register(async (scope) => {
    const http = scope as Http;
    // the bytes as they come: a file is larger than what one would hold
    http.removeAllContentTypeParsers();
    for (const type of ['text/csv', 'application/x-ndjson']) {
      http.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
    }
    http.post(
      '/api/devices/:deviceId/telemetry/import',
      {
        config: { action: 'telemetry.import' },
        schema: {
          tags,
          summary: `Store measurements of a file as the export writes it, text/csv or application/x-ndjson, up to ${LIMITS.importBytes / 1_048_576} MB`,
          params: DeviceParams,
          response: { 200: ImportReply, ...failures },
        },
      },
      async (request, reply) => {
        const source = await deviceOf(request.params.deviceId);
        request.access.allow(source.siteId);
        // before the first row is stored: an import that breaks off has changed something too
        await deps.audit.append({
          action: 'telemetry.import',
          siteId: source.siteId,
          target: { kind: 'device', id: source.deviceId },
          after: { format: formatOf(request), bytes: Number(request.headers['content-length'] ?? 0) || null },
        });
        const kinds = new Map<string, ValueKind>();
        for (const { series, kind } of await telemetry.seriesOf(source.deviceId)) kinds.set(series, kind);
        const done = places.take(source.siteId, reply.raw);
        try {
          return await importFile(bodyOf(request), formatOf(request), {
            deviceId: source.deviceId,
            kindOf: (series) => kinds.get(series),
            store: (rows) => telemetry.storeRows(source, rows),
            together: telemetry.rowsTogether,
          });
        } finally {
          done();
        }
      },
    );
  });
}

async function* withDevice(deviceId: string | null, pages: AsyncIterable<readonly OutRow[]>) {
  for await (const rows of pages) yield { deviceId, rows };
}

/** REQUEST_TOO_LARGE before anything is read, when the client says how much comes. */
function bodyOf(request: FastifyRequest): AsyncIterable<Uint8Array> {
  if (Number(request.headers['content-length'] ?? 0) > LIMITS.importBytes) {
    throw new MusterError('REQUEST_TOO_LARGE', { limit: LIMITS.importBytes });
  }
  if (request.body instanceof Readable) return request.body;
  throw new MusterError('REQUEST_INVALID', {}, { say: 'Send the file as text/csv or application/x-ndjson.' });
}

function formatOf(request: FastifyRequest): TransferFormat {
  return request.headers['content-type']?.startsWith('text/csv') === true ? 'csv' : 'ndjson';
}
