import { Readable } from 'node:stream';
import { AuditExportQuery, AuditKey, AuditList, AuditQuery, ErrorReply } from '@muster/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Http } from '../../platform/http/index.ts';
import type { AuditBook } from './book.ts';

/** What was done, refused, or read of people: to look at, to take along, and to verify. There is no way to change it. */
export function auditRoutes(app: Http, book: AuditBook): void {
  const tags = ['audit'];
  const failures = { '4xx': ErrorReply };

  /** Of one site, or of all where the caller may read it. */
  function sitesOf({ access }: FastifyRequest, siteId: string | undefined): readonly string[] | null {
    if (siteId !== undefined || access.sites?.length === 0) access.allow(siteId ?? null);
    return access.sites;
  }

  app.get(
    '/api/audit',
    {
      config: { action: 'audit.read' },
      schema: {
        tags,
        summary: 'What was done, refused or read of people, newest first',
        querystring: AuditQuery,
        response: { 200: AuditList, ...failures },
      },
    },
    async (request) => {
      const { limit } = request.query;
      const sites = sitesOf(request, request.query.siteId);
      const page = await book.list({ ...request.query, sites, limit: limit + 1 });
      const entries = page.slice(0, limit);
      return { entries, next: page.length > limit ? (entries.at(-1)?.id ?? null) : null };
    },
  );

  app.get(
    '/api/audit/export',
    {
      config: { action: 'audit.export' },
      schema: {
        tags,
        summary: 'The audit as a file: as NDJSON its chain and signatures can be verified with openssl',
        querystring: AuditExportQuery,
        response: failures,
      },
    },
    async (request, reply) => {
      const { format } = request.query;
      const sites = sitesOf(request, request.query.siteId);
      const lines = await book.export({ ...request.query, sites });
      void reply.header('content-disposition', `attachment; filename="audit.${format}"`);
      return send(reply, format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson', lines);
    },
  );

  app.get(
    '/api/audit/key',
    {
      config: { action: 'audit.key' },
      schema: { tags, summary: 'The public key that signs the audit', response: { 200: AuditKey, ...failures } },
    },
    async () => ({ publicKey: book.publicKey }),
  );

  app.get(
    '/api/audit/verification',
    {
      config: { action: 'audit.verify' },
      schema: {
        tags,
        summary: 'Verify the whole chain: a line of JSON now and then says how far it is, the last one what came of it',
        response: failures,
      },
    },
    async (_request, reply) => {
      async function* lines(): AsyncIterable<string> {
        for await (const state of book.verify()) yield `${JSON.stringify(state)}\n`;
      }
      return send(reply, 'application/x-ndjson', lines());
    },
  );
}

function send(reply: FastifyReply, type: string, text: Iterable<string> | AsyncIterable<string>): FastifyReply {
  return reply.header('content-type', type).send(Readable.from(text));
}
