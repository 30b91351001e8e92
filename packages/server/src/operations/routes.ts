import { AboutReply, HealthReply, ReadyReply } from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../platform/http/index.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Readiness } from './readiness.ts';

export function operationRoutes(
  app: Http,
  deps: {
    readonly readiness: Readiness;
    readonly metrics: Metrics;
    readonly version: string;
    /** The configuration in force, secrets hidden. */
    readonly config: () => Record<string, unknown>;
    /** What devices are told before they have a token. */
    readonly about: () => Omit<AboutReply, 'version'>;
  },
): void {
  const tags = ['operations'];

  app.get(
    '/health',
    {
      config: { action: 'server.look' },
      schema: { tags, summary: 'The process is alive', response: { 200: HealthReply } },
    },
    async () => ({ alive: true as const, version: deps.version, uptimeMs: Math.round(process.uptime() * 1000) }),
  );

  app.get(
    '/ready',
    {
      config: { action: 'server.look' },
      schema: { tags, summary: 'Every part with its state and age', response: { 200: ReadyReply, 503: ReadyReply } },
    },
    async (_request, reply) => {
      const report = deps.readiness.report();
      return reply.status(report.ready ? 200 : 503).send(report);
    },
  );

  app.get(
    '/device/v1/about',
    {
      config: { action: 'server.look' },
      schema: {
        tags: ['device API'],
        summary: 'Where a device finds MQTT, and what this server is',
        response: { 200: AboutReply },
      },
    },
    async () => ({ version: deps.version, ...deps.about() }),
  );

  app.get(
    '/metrics',
    {
      config: { action: 'server.metrics' },
      schema: { tags, summary: 'Prometheus metrics', produces: ['text/plain'], response: { 200: Type.String() } },
    },
    async (_request, reply) =>
      reply.type(deps.metrics.registry.contentType).send(await deps.metrics.registry.metrics()),
  );

  app.get(
    '/api/config',
    {
      config: { action: 'server.read' },
      schema: {
        tags,
        summary: 'The configuration in force, secrets hidden',
        response: { 200: Type.Record(Type.String(), Type.Unknown()) },
      },
    },
    async () => deps.config(),
  );

  // until there is a dashboard, the page of the API is what there is to see
  app.get('/', { config: { action: 'server.look' }, schema: { hide: true } }, (_request, reply) =>
    reply.redirect('/api/docs'),
  );

  app.get('/api/openapi.json', { config: { action: 'server.look' }, schema: { hide: true } }, async () =>
    app.swagger(),
  );
}
