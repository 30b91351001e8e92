import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { LIMITS, MusterError } from '@muster/contract';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController, type RawServerDefault } from 'fastify';
import type { Static } from 'typebox';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { ASK_FOR_CERTIFICATE } from '../tls/client-certificate.ts';
import type { httpConfig } from './config.ts';
import { answerBroken, limitConnections, SLOW_CLIENTS } from './connections.ts';
import { answerError } from './errors.ts';
import { readJsonBodies } from './json-body.ts';
import { createValidatorCompiler } from './validation.ts';

export { httpConfig } from './config.ts';

/** A Fastify whose routes take their types from TypeBox schemas. */
export type Http = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** Of answers that no hook sees. */
const STRICT_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};
/** API answers never load anything; the two pages that do say so themselves. */
const STRICT_CSP = { defaultSrc: ["'none'"], frameAncestors: ["'none'"] };

export async function createHttp(
  config: Static<typeof httpConfig>,
  log: Logger,
  metrics: Metrics,
  version: string,
): Promise<Http> {
  const tls = await readTls(config);
  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    bodyLimit: LIMITS.apiBodyBytes,
    frameworkErrors: (error, request, reply) => {
      // no hook runs for what could not be routed
      void reply.headers(STRICT_HEADERS);
      answerError(error, request, reply);
    },
    clientErrorHandler: (error, socket) => answerBroken(error, socket),
    requestTimeout: SLOW_CLIENTS.requestTimeout,
    keepAliveTimeout: SLOW_CLIENTS.keepAliveTimeout,
    // an answer to a long-poll or a slow client must not hold a stop for ever
    forceCloseConnections: true,
    trustProxy: config.behindProxy ? ['loopback', 'linklocal', 'uniquelocal'] : false,
    ...(tls === null ? { http: SLOW_CLIENTS } : { https: { ...tls, ...SLOW_CLIENTS, ...ASK_FOR_CERTIFICATE } }),
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as Http;

  readJsonBodies(app);
  app.setValidatorCompiler(createValidatorCompiler());
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) => answerError(new MusterError('NOT_FOUND'), request, reply));
  await app.register(cookie);
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: STRICT_CSP },
    // only the operator knows whether the name is served over https for ever; a proxy adds it
    hsts: tls !== null,
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Muster', description: 'One server for AI devices', version, license: { name: 'Apache-2.0' } },
      components: { securitySchemes: { session: { type: 'http', scheme: 'bearer' } } },
      security: [{ session: [] }],
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/api/docs',
    staticCSP: true,
    // a server of a local network is reached over http: its page must not be sent to https
    transformStaticCSP: (policy) => policy.replace(/;?\s*upgrade-insecure-requests/, ''),
  });
  // what people see is theirs, and may be other in a moment: no cache keeps it
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
  });
  limitConnections(app.server, config, metrics);
  observe(app, metrics);
  return app;
}

/** Stands behind the route of a request that asked to wait (`waitMs`): its time says nothing about the server. */
export const LONG_POLL = ' (long-poll)';

function observe(app: Http, metrics: Metrics): void {
  const seconds = metrics.histogram(
    'muster_http_request_seconds',
    'Time from request to answer',
    ['method', 'route', 'status'],
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  );
  app.addHook('onResponse', async (request, reply) => {
    const { url = 'unknown' } = request.routeOptions;
    const { waitMs = 0 } = (request.query ?? {}) as { readonly waitMs?: unknown };
    const route = Number(waitMs) > 0 ? url + LONG_POLL : url;
    seconds.observe({ method: request.method, route, status: String(reply.statusCode) }, reply.elapsedTime / 1000);
  });
}

async function readTls(config: Static<typeof httpConfig>): Promise<{ cert: Buffer; key: Buffer } | null> {
  if (config.tlsCert === undefined && config.tlsKey === undefined) return null;
  if (config.tlsCert === undefined || config.tlsKey === undefined) {
    throw new MusterError('CONFIG_INVALID', {}, { say: 'http.tlsCert and http.tlsKey go together: set both or none.' });
  }
  try {
    return { cert: await readFile(config.tlsCert), key: await readFile(config.tlsKey) };
  } catch (cause) {
    throw new MusterError(
      'CONFIG_INVALID',
      {},
      { cause, say: `Cannot read the TLS files: ${(cause as Error).message}` },
    );
  }
}
