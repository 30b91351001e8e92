import {
  LIMITS,
  MusterError,
  type OtaReply,
  readActivationProof,
  XIAOZHI_CLIENT_SUFFIX,
  XIAOZHI_TOPICS,
} from '@muster/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../../platform/clock.ts';
import { within } from '../../../platform/deadline.ts';
import type { Http } from '../../../platform/http/index.ts';
import { hardwareIdOf, plainId } from '../credentials.ts';
import { type CheckInReply, INBOX_DEADLINE, type XiaozhiInbox } from '../inbox.ts';
import { parseJson } from '../json.ts';
import { activationVersionOf, echoVersion, readCheckIn } from './check-in.ts';
import { zoneOffsetMinutes } from './time-zone.ts';
import { websocketUrl } from './websocket-url.ts';

/** Largest boot request, bytes: firmware with 20 partitions sends about 3 kB. */
const BODY_BYTES = 32_768;
/** A device that lost its power is noticed after 1.5 times this, s; firmware's own default is 240. */
const MQTT_KEEP_ALIVE_S = 60;
const DEVICE_HEADERS = 'content-type, device-id, client-id, serial-number, activation-version, accept-language';

export interface OtaRoutesDeps {
  readonly clock: Clock;
  readonly inbox: XiaozhiInbox;
  /** The WebSocket address from the configuration; `null` takes it from each request. */
  readonly websocketUrl: string | null;
  readonly allowedOrigins: readonly string[];
  /** Our MQTT broker as devices reach it; `null` when they use the WebSocket. `host` null: the one they asked. */
  readonly mqtt: { readonly host: string | null; readonly port: () => number } | null;
}

/** The boot request of devices and the poll of their activation, with and without a slash at the end. */
export async function otaRoutes(app: Http, deps: OtaRoutesDeps): Promise<void> {
  // Any content type, or none: what the bytes mean is decided below, and never a reason to refuse.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: BODY_BYTES }, (_request, body, done) =>
    done(null, body),
  );
  app.addHook('onRequest', async (request, reply) => allowOrigin(deps.allowedOrigins, request, reply));

  for (const url of ['/xiaozhi/ota/', '/xiaozhi/ota']) {
    app.post(url, described('A device boots and asks for its configuration'), (request) => boot(deps, request));
    app.get(url, described('The same without a body; a line of text for a person'), (request) =>
      request.headers['device-id'] === undefined
        ? `Muster takes devices here. Their WebSocket: ${address(deps, request)}\n`
        : boot(deps, request),
    );
    app.options(url, described('Methods and, for allowed pages, headers'), preflight);
  }
  for (const url of ['/xiaozhi/ota/activate', '/xiaozhi/ota/activate/']) {
    app.post(url, described('A device asks whether its code has been typed'), (request, reply) =>
      poll(deps, request, reply),
    );
    app.options(url, described('Methods and, for allowed pages, headers'), preflight);
  }
}

async function boot(deps: OtaRoutesDeps, request: FastifyRequest): Promise<OtaReply> {
  const checkIn = readCheckIn(request.headers, parseBody(request), request.ip);
  if (checkIn === null) throw nameless();
  const url = address(deps, request);
  const answer = await within(deps.clock, INBOX_DEADLINE, (signal) => deps.inbox.checkIn(checkIn, signal));
  const reply = bootReply(deps.clock.now(), url, answer, echoVersion(checkIn.firmwareVersion));
  return deps.mqtt === null || !answer.active ? reply : { ...reply, mqtt: mqttSettings(deps.mqtt, url, answer) };
}

/**
 * Firmware that sees these prefers them to the WebSocket. It publishes to one topic and never subscribes; it uses TLS
 * exactly when the port is 8883 (xiaozhi-esp32 2.4.2, mqtt_protocol.cc).
 */
function mqttSettings(
  { host, port }: NonNullable<OtaRoutesDeps['mqtt']>,
  url: string,
  { deviceId, token }: { readonly deviceId: string; readonly token: string },
): NonNullable<OtaReply['mqtt']> {
  return {
    endpoint: `${host ?? new URL(url).hostname}:${port()}`,
    client_id: `${deviceId}${XIAOZHI_CLIENT_SUFFIX}`,
    username: deviceId,
    password: token,
    publish_topic: `devices/${deviceId}/${XIAOZHI_TOPICS.up}`,
    subscribe_topic: `devices/${deviceId}/${XIAOZHI_TOPICS.down}`,
    keepalive: MQTT_KEEP_ALIVE_S,
  };
}

async function poll(deps: OtaRoutesDeps, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { headers } = request;
  const hardwareId = hardwareIdOf(headers['device-id']);
  if (hardwareId === null) throw nameless();
  const proof = readActivationProof(parseBody(request));
  const activation = {
    hardwareId,
    clientId: plainId(headers['client-id']),
    serialNumber: plainId(headers['serial-number']) ?? plainId(proof?.serialNumber),
    activationVersion: activationVersionOf(headers['activation-version']),
    proof,
    source: request.ip,
  };
  switch (await within(deps.clock, INBOX_DEADLINE, (signal) => deps.inbox.activate(activation, signal))) {
    case 'active':
      return { activated: true };
    case 'waiting':
      reply.code(202);
      return { activated: false };
    case 'refused': {
      // 401 rather than the table's 403: Python clients print the body of it.
      const refusal = new MusterError('ACTIVATION_REFUSED');
      reply.code(401);
      return { error: { code: refusal.code, message: refusal.message, requestId: request.id } };
    }
  }
}

function bootReply(now: number, url: string, answer: CheckInReply, version: string): OtaReply {
  const reply: OtaReply = {
    server_time: { timestamp: now, timezone_offset: zoneOffsetMinutes(answer.timeZone, now) },
    firmware: { version, url: '' },
    websocket: { url, token: answer.active ? answer.token : '', version: 1 },
  };
  if (answer.active) return reply;
  const { code, challenge, message } = answer;
  const offer = { message, challenge, timeout_ms: LIMITS.activationCodeMs };
  return { ...reply, activation: code === null ? offer : { code, ...offer } };
}

function address(deps: OtaRoutesDeps, request: FastifyRequest): string {
  const { localAddress, localPort } = request.socket;
  return deps.websocketUrl ?? websocketUrl({ protocol: request.protocol, host: request.host, localAddress, localPort });
}

function parseBody(request: FastifyRequest): unknown {
  return typeof request.body === 'string' ? parseJson(request.body) : undefined;
}

function nameless(): MusterError {
  return new MusterError('REQUEST_INVALID', {}, { say: 'The header Device-Id is missing or has no valid form.' });
}

function allowOrigin(allowed: readonly string[], request: FastifyRequest, reply: FastifyReply): void {
  const { origin } = request.headers;
  if (origin === undefined || !allowed.includes(origin)) return;
  reply.header('access-control-allow-origin', origin).header('vary', 'Origin');
  reply
    .header('access-control-allow-methods', 'GET, POST, OPTIONS')
    .header('access-control-allow-headers', DEVICE_HEADERS);
}

async function preflight(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  await reply.code(204).header('allow', 'GET, POST, OPTIONS').send();
}

function described(summary: string) {
  return { config: { action: 'device.speak' as const }, schema: { tags: ['device wire'], summary } };
}
