import { type CommandReply, ErrorReply, Id, LIMITS, MusterError, TimeReply, TwinState } from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { ClientRates } from '../../platform/client-rate.ts';
import type { Clock } from '../../platform/clock.ts';
import { asMusterError } from '../../platform/http/errors.ts';
import type { Http } from '../../platform/http/index.ts';
import type { CertificateReader } from '../../platform/tls/proxy-header.ts';
import type { DeviceApi } from './api.ts';
import { createCommandPolls } from './command-poll.ts';
import { parsePayload } from './decode.ts';
import { bearerOf, type Tokens } from './http-tokens.ts';
import type { DeviceInbox, KnownDevice } from './inbox.ts';
import { createRequestCounter } from './request-rate.ts';
import { answerAttributes, readThingsBoardTelemetry, toRpc } from './thingsboard.ts';
import { worthOf } from './worth.ts';

const Wait = Type.Object({
  waitMs: Type.Integer({ minimum: 0, maximum: LIMITS.longPollMs, default: 0 }),
});
const TokenParams = Type.Object({ token: Type.String({ maxLength: 256 }) });
const Keys = Type.Object({
  clientKeys: Type.Optional(Type.String({ maxLength: 4_096 })),
  sharedKeys: Type.Optional(Type.String({ maxLength: 4_096 })),
});

/** The device API over HTTP, ours and ThingsBoard's. An answer leaves when what came is committed. */
export function deviceApiRoutes(
  app: Http,
  deps: {
    readonly api: DeviceApi;
    readonly inbox: DeviceInbox;
    readonly tokens: Tokens;
    readonly rates: ClientRates;
    readonly clock: Clock;
    readonly certificateOf: CertificateReader;
  },
): void {
  const { api, inbox, tokens, rates } = deps;
  const senders = new WeakMap<FastifyRequest, KnownDevice>();
  const polls = createCommandPolls(inbox, deps.clock);
  const count = createRequestCounter(deps.clock);
  app.register(async (scope) => {
    const http = scope as Http;
    // before its body is read: who it is, and whether it may ask so often
    http.addHook('onRequest', async (request, reply) => {
      const { token } = request.params as { readonly token?: string };
      const device = await tokens.deviceOf({
        token: token ?? bearerOf(request),
        certificate: deps.certificateOf(request.raw),
      });
      senders.set(request, device);
      inbox.heard(device);
      const bytes = Number(request.headers['content-length'] ?? 0);
      // a body that is not read ends with its connection: reading it to throw it away would cost more than the answer
      reply.header('connection', 'close');
      const size = Math.min(Number.isFinite(bytes) ? bytes : 0, LIMITS.deviceMessageBytes);
      await count(device.deviceId, rates.of(device.deviceId), size);
      reply.removeHeader('connection');
    });
    http.addHook('onError', async (request, _reply, error) => {
      const device = senders.get(request);
      if (device !== undefined) inbox.refused(device, asMusterError(error).code);
    });
    // any content type, or none: one decoder reads the bytes of every wire
    http.removeAllContentTypeParsers();
    http.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: LIMITS.deviceMessageBytes },
      (request, body, done) => {
        const device = senders.get(request);
        // a body in chunks does not say its length beforehand: the next request finds its bytes taken
        if (device !== undefined && request.headers['content-length'] === undefined) {
          rates.of(device.deviceId).take(body.length);
        }
        done(null, body);
      },
    );
    ours(http);
    thingsBoard(http);
  });

  /** Whose request it is: known since its head came. */
  function senderOf(request: FastifyRequest): KnownDevice {
    const device = senders.get(request);
    if (device === undefined) throw new MusterError('DEVICE_TOKEN_INVALID');
    return device;
  }

  function bytesOf(request: FastifyRequest): Buffer {
    return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  }

  function ours(http: Http): void {
    const described = (summary: string, more: object = {}) => ({
      config: { action: 'device.speak' as const },
      schema: { tags: ['device API'], summary, ...more },
    });
    const failures = { '4xx': ErrorReply };
    const stored = { response: { 204: Type.Null(), ...failures } };

    http.post(
      '/device/v1/telemetry',
      described('Measurements; 204 when they are stored', stored),
      async (request, reply) => {
        const device = senderOf(request);
        await api.telemetry(device, bytesOf(request), rates.of(device.deviceId).spend);
        return reply.status(204).send(null);
      },
    );
    http.post('/device/v1/events', described('An event; 204 when it is stored', stored), async (request, reply) => {
      await api.event(senderOf(request), bytesOf(request));
      return reply.status(204).send(null);
    });
    http.get(
      '/device/v1/twin',
      described('What is wanted of the device, and what it said it is', { response: { 200: TwinState, ...failures } }),
      async (request) => api.twinGet(senderOf(request)),
    );
    http.patch(
      '/device/v1/twin',
      described('Say what the device is: {"reported": patch}', { response: { 200: TwinState, ...failures } }),
      async (request) => api.twinReport(senderOf(request), bytesOf(request)),
    );
    http.get(
      '/device/v1/commands',
      {
        ...described('The next command; 204 when none comes in waitMs'),
        schema: { tags: ['device API'], summary: 'The next command; 204 when none comes in waitMs', querystring: Wait },
      },
      async (request, reply) => {
        const message = await polls.next(senderOf(request), request.query.waitMs, request.signal);
        return message === null ? reply.status(204).send() : reply.send(message);
      },
    );
    http.post(
      '/device/v1/commands/:commandId/reply',
      {
        config: { action: 'device.speak' },
        schema: {
          tags: ['device API'],
          summary: 'How a command went; 204 when that is stored',
          params: Type.Object({ commandId: Id }),
          ...stored,
        },
      },
      async (request, reply) => {
        await api.commandReply(senderOf(request), bytesOf(request), request.params.commandId);
        return reply.status(204).send(null);
      },
    );
    http.get(
      '/device/v1/time',
      {
        config: { action: 'device.speak' },
        schema: {
          tags: ['device API'],
          summary: 'The time of the server; sentAt comes back',
          querystring: Type.Object({ sentAt: Type.Optional(Type.Number()) }),
          response: { 200: TimeReply, ...failures },
        },
      },
      async (request) => {
        return api.time(Buffer.from(JSON.stringify(request.query)));
      },
    );
  }

  /** Paths of ThingsBoard's HTTP device API; the token is in the path there, so these paths are never logged. */
  function thingsBoard(http: Http): void {
    const config = { action: 'device.speak' as const };
    const tags = ['device API (ThingsBoard)'];
    const described = (summary: string) => ({ config, schema: { tags, summary, params: TokenParams } });

    http.post('/api/v1/:token/telemetry', described('Measurements'), async (request, reply) => {
      const device = senderOf(request);
      const telemetry = readThingsBoardTelemetry(parsePayload(bytesOf(request)));
      rates.of(device.deviceId).spend(worthOf(telemetry));
      await inbox.telemetry(device, telemetry);
      return reply.status(200).send();
    });
    http.post('/api/v1/:token/attributes', described('What the device says it is'), async (request, reply) => {
      const device = senderOf(request);
      const reported = parsePayload(bytesOf(request));
      await api.twinReport(device, Buffer.from(JSON.stringify({ reported })));
      return reply.status(200).send();
    });
    http.get(
      '/api/v1/:token/attributes',
      { config, schema: { tags, summary: 'Attributes by their keys', params: TokenParams, querystring: Keys } },
      async (request) => {
        const device = senderOf(request);
        return answerAttributes(request.query, await inbox.twin(device));
      },
    );
    http.get(
      '/api/v1/:token/rpc',
      {
        config,
        schema: {
          tags,
          summary: 'The next command; 408 when none comes in time',
          params: TokenParams,
          querystring: Type.Object({
            timeout: Type.Integer({ minimum: 0, maximum: LIMITS.longPollMs, default: 20_000 }),
          }),
        },
      },
      async (request, reply) => {
        const device = senderOf(request);
        const message = await polls.next(device, request.query.timeout, request.signal);
        if (message === null) return reply.status(408).send();
        // its ids are what ThingsBoard's clients put into the path of the answer: any text does
        return reply.send({ id: message.commandId, ...toRpc(message) });
      },
    );
    http.post(
      '/api/v1/:token/rpc/:commandId',
      {
        config,
        schema: {
          tags,
          summary: 'The answer to a command',
          params: Type.Object({ ...TokenParams.properties, commandId: Id }),
        },
      },
      async (request, reply) => {
        const device = senderOf(request);
        const answer: CommandReply = {
          commandId: request.params.commandId,
          state: 'confirmed',
          result: parsePayload(bytesOf(request)),
        };
        await inbox.commandReply(device, answer);
        return reply.status(200).send();
      },
    );
  }
}
