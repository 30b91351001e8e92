import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { codeOf, type ErrorCode, LIMITS, MusterError } from '@muster/contract';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { createAdmission } from '../../platform/admission.ts';
import type { ClientRate, ClientRates } from '../../platform/client-rate.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Http } from '../../platform/http/index.ts';
import { refuseUpgrade } from '../../platform/http/upgrades.ts';
import type { Logger } from '../../platform/log.ts';
import type { CertificateReader } from '../../platform/tls/proxy-header.ts';
import type { DeviceApi } from './api.ts';
import { asObject, invalid, parsePayload } from './decode.ts';
import type { Tokens } from './http-tokens.ts';
import type { DeviceInbox, KnownDevice, OpenConnection } from './inbox.ts';
import { countRequest } from './request-rate.ts';

export const DEVICE_SOCKET_PATH = '/device/v1/socket';

/** Frames of one device that wait for their answer; past it the socket is not read. */
const MOST_WAITING = 64;
/** Pings keep routers from forgetting the connection; one that was silent since two of them is gone: within a minute, ms. */
const PING_MS = 20_000;
const MOST_CONNECTIONS = 20_000;
/** Handshakes let in a second; the next wait their turn, so that a fleet that comes back harms nobody. */
const CONNECTS_PER_SECOND = 500;
/** Clients give a handshake up after 10 s or so: who would wait longer is told when to come back, ms. */
const LONGEST_WAIT_MS = 5_000;

/**
 * The device API over WebSocket. A frame is `{"type":"telemetry","id":7,…message}`; its answer is
 * `{"type":"ack","id":7,…}` when it is committed, or `{"type":"error","id":7,"code":…,"message":…}`. Down come
 * `{"type":"command",…}` and `{"type":"twinDelta",…}`.
 */
export interface DeviceSockets {
  /** Adds its listener for upgrades. Call it before `listen`. */
  register(http: Http): void;
  count(): number;
  close(): void;
}

export function createDeviceSockets(deps: {
  readonly api: DeviceApi;
  readonly inbox: DeviceInbox;
  readonly tokens: Tokens;
  /** Shared with the other wires. */
  readonly rates: ClientRates;
  readonly clock: Clock;
  readonly log: Logger;
  readonly certificateOf: CertificateReader;
  /** The server closed one. */
  readonly onClosed: (code: ErrorCode) => void;
}): DeviceSockets {
  const { tokens, clock, log } = deps;
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LIMITS.deviceMessageBytes,
    maxFragments: 64,
    maxBufferedChunks: 4_096,
  });
  const sessions = new Set<{ readonly socket: WebSocket; alive: number; close(code: ErrorCode): void }>();
  const open = new Map<string, number>();
  let stopping = false;
  const admission = createAdmission(clock, CONNECTS_PER_SECOND, MOST_CONNECTIONS);
  let cancelPing = clock.after(PING_MS, ping);

  function ping(): void {
    for (const session of sessions) {
      session.alive += 1;
      if (session.alive > 2) session.socket.terminate();
      else session.socket.ping();
    }
    cancelPing = clock.after(PING_MS, ping);
  }

  /** Resolves when the handshake has its turn; UNAVAILABLE, with a time to come back, when that is too far off. */
  function turn(socket: Duplex): Promise<void> {
    return new Promise((resolve, reject) => {
      const waitMs = admission.waitMs();
      const enter = (): void => {
        socket.off('close', enter);
        resolve();
      };
      // who hung up is let go at once, not when its turn would have come
      socket.once('close', enter);
      if (waitMs <= LONGEST_WAIT_MS && admission.enter(enter)) return;
      socket.off('close', enter);
      reject(new MusterError('UNAVAILABLE', { retryAfterMs: waitMs * (1 + Math.random()) }));
    });
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (stopping) throw new MusterError('SERVER_STOPPING');
    if (sessions.size >= MOST_CONNECTIONS) throw new MusterError('UNAVAILABLE');
    await turn(socket);
    if (socket.destroyed) return;
    const header = request.headers.authorization;
    const token = header?.startsWith('Bearer ') === true ? header.slice('Bearer '.length) : null;
    const device = await tokens.deviceOf({ token, certificate: deps.certificateOf(request) });
    const { deviceId } = device;
    const rate = deps.rates.of(deviceId);
    countRequest(rate, 0);
    if ((open.get(deviceId) ?? 0) >= LIMITS.socketsPerDevice) {
      deps.inbox.refused(device, 'RATE_LIMITED');
      throw new MusterError('RATE_LIMITED', { limit: LIMITS.socketsPerDevice });
    }
    if (socket.destroyed) return;
    server.handleUpgrade(request, socket, head, (webSocket) => {
      open.set(deviceId, (open.get(deviceId) ?? 0) + 1);
      const address = request.socket.remoteAddress ?? null;
      const session = openDeviceSocket(deps, webSocket, device, address, rate, () => {
        sessions.delete(entry);
        const left = (open.get(deviceId) ?? 1) - 1;
        if (left === 0) open.delete(deviceId);
        else open.set(deviceId, left);
      });
      const entry = { socket: webSocket, alive: 0, close: session.close };
      webSocket.on('pong', () => {
        entry.alive = 0;
      });
      webSocket.on('message', () => {
        entry.alive = 0;
      });
      sessions.add(entry);
    });
  }

  return {
    register(http) {
      http.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        const [path] = (request.url ?? '').split('?', 1);
        if (path !== DEVICE_SOCKET_PATH) return;
        socket.on('error', (error) => log.debug({ err: error }, 'handshake broke off'));
        upgrade(request, socket, head).catch((error: unknown) => refuseUpgrade(socket, error));
      });
    },
    count: () => sessions.size,
    close() {
      stopping = true;
      cancelPing();
      admission.stop();
      for (const session of sessions) session.close('SERVER_STOPPING');
    },
  };
}

function openDeviceSocket(
  deps: Pick<Parameters<typeof createDeviceSockets>[0], 'api' | 'inbox' | 'clock' | 'log' | 'onClosed'>,
  socket: WebSocket,
  device: KnownDevice,
  address: string | null,
  rate: ClientRate,
  onEnd: () => void,
): { close(code: ErrorCode): void } {
  const { api, inbox } = deps;
  let waiting = 0;
  /** Past its rate, the socket is not read until it keeps to it again. */
  let throttled = false;
  let heardAt = deps.clock.monotonic();
  let listens = { commands: false, twin: false };

  /** False when the device is gone or reads too slowly: then its connection is closed. */
  function send(message: object): boolean {
    if (socket.readyState !== WebSocket.OPEN) return false;
    if (socket.bufferedAmount > 4 * LIMITS.deviceMessageBytes) {
      close('DEVICE_SLOW');
      return false;
    }
    socket.send(Buffer.from(JSON.stringify(message)), { binary: false });
    return true;
  }

  function close(code: ErrorCode): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    deps.onClosed(code);
    // one that does not read would not answer the farewell either, and hold what waits for it until then
    if (code === 'DEVICE_SLOW') socket.terminate();
    else socket.close(code === 'SERVER_STOPPING' ? 1001 : 1008, code);
  }

  const connection: OpenConnection = inbox.opened(device, {
    transport: 'websocket',
    staysOpen: true,
    address,
    heardAt: () => heardAt,
    listens: () => listens.commands,
    async command(message) {
      if (!send({ type: 'command', ...message })) {
        throw new MusterError('DEVICE_NOT_CONNECTED', { deviceId: device.deviceId });
      }
    },
    twinDelta(delta) {
      if (listens.twin) send({ type: 'twinDelta', ...delta });
    },
    close,
  });

  /** What is sent back besides the id. */
  async function answer(type: string, payload: Buffer, body: object): Promise<object> {
    switch (type) {
      case 'telemetry':
        await api.telemetry(device, payload, rate.spend);
        return {};
      case 'event':
        await api.event(device, payload);
        return {};
      case 'twinGet':
        return api.twinGet(device);
      case 'twinReport':
        return api.twinReport(device, payload);
      case 'commandReply':
        await api.commandReply(device, payload);
        return {};
      case 'time':
        return api.time(payload);
      case 'listen':
        return listen(body);
      default:
        throw new MusterError(
          'TOPIC_UNKNOWN',
          { type: type.slice(0, 64) },
          { say: `There is no frame of type ${type.slice(0, 64)}.` },
        );
    }
  }

  /** The device says what it wants to be told: `{"type":"listen","commands":true,"twin":true}`. */
  function listen(body: object): object {
    const { commands, twin } = body as { commands?: unknown; twin?: unknown };
    listens = { commands: commands === true, twin: twin === true };
    // after the acknowledgement, which leaves when this returns
    setImmediate(() => {
      if (listens.commands) connection.ready('commands');
      if (listens.twin) connection.ready('twin');
    });
    return {};
  }

  async function receive(data: RawData, isBinary: boolean): Promise<void> {
    let id: unknown = null;
    try {
      if (isBinary || !Buffer.isBuffer(data)) throw invalid('Frames are text.');
      const { type, id: named, ...body } = asObject(parsePayload(data));
      if (typeof named === 'number' || (typeof named === 'string' && named.length <= 64)) id = named;
      if (typeof type !== 'string') throw invalid('The frame has no type.');
      send({ type: 'ack', id, ...(await answer(type, Buffer.from(JSON.stringify(body)), body)) });
    } catch (error) {
      const code = codeOf(error);
      inbox.refused(device, code);
      if (code === 'INTERNAL') deps.log.error({ err: error }, 'a frame of a device failed');
      const message = error instanceof MusterError ? error.message : 'The server failed.';
      send({ type: 'error', id, code, message });
    }
  }

  function throttle(bytes: number): void {
    if (rate.take(bytes) || throttled) return;
    throttled = true;
    inbox.refused(device, 'QUOTA_EXCEEDED');
    socket.pause();
    readAgain();
  }

  function readAgain(): void {
    const waitMs = rate.waitMs();
    if (waitMs > 0 && socket.readyState === WebSocket.OPEN) return void deps.clock.after(waitMs, readAgain);
    throttled = false;
    resume();
  }

  function resume(): void {
    if (socket.isPaused && !throttled && waiting < MOST_WAITING / 2) socket.resume();
  }

  socket.on('pong', () => {
    heardAt = deps.clock.monotonic();
  });
  socket.on('message', (data, isBinary) => {
    heardAt = deps.clock.monotonic();
    waiting += 1;
    throttle(Buffer.isBuffer(data) ? data.length : 0);
    if (waiting >= MOST_WAITING) socket.pause();
    void receive(data, isBinary).finally(() => {
      waiting -= 1;
      resume();
    });
  });
  socket.on('error', (error) => {
    const code = socketFault(error);
    if (code !== null) inbox.refused(device, code);
    deps.log.debug({ err: error }, 'a device socket failed');
  });
  socket.on('close', () => {
    onEnd();
    connection.ended();
  });
  return { close };
}

/** What the device did wrong below the level of messages; null when the network failed instead. */
function socketFault(error: Error): ErrorCode | null {
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== 'string' || !code.startsWith('WS_ERR_')) return null;
  return code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'FRAME_TOO_LARGE' : 'FRAME_MALFORMED';
}
