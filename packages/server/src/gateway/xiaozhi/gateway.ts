import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ErrorCode, MusterError } from '@muster/contract';
import type { Registry } from 'prom-client';
import packageJson from '../../../package.json' with { type: 'json' };
import type { Clock } from '../../platform/clock.ts';
import { within } from '../../platform/deadline.ts';
import type { Http } from '../../platform/http/index.ts';
import type { Logger } from '../../platform/log.ts';
import type { XiaozhiConfig } from './config.ts';
import { createCounters } from './counters.ts';
import type { XiaozhiInbox, XiaozhiLink } from './inbox.ts';
import { otaRoutes } from './ota/routes.ts';
import { publicWebsocketUrl, WEBSOCKET_PATH } from './ota/websocket-url.ts';
import { openSession, type Session } from './session.ts';
import { createUpgrades, refuse } from './upgrade.ts';
import { createWebSocketWire } from './wire.ts';

export interface XiaozhiGatewayDeps {
  readonly log: Logger;
  readonly clock: Clock;
  readonly inbox: XiaozhiInbox;
  readonly config: XiaozhiConfig;
  /** How devices reach this server, `http:` or `https:`; `null` tells each device the address it came to. */
  readonly publicUrl: string | null;
  readonly registry: Registry;
}

/** The wire of Xiaozhi devices: boot requests over HTTP, conversations over WebSocket. */
export interface XiaozhiGateway {
  /** Adds the routes, and a listener for upgrades. Other listeners may serve other paths. Call it before `listen`. */
  register(http: Http): void;
  /** Takes a WebSocket handshake; false, untouched, when its path is not ours. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Closes the connection of a device now, also one that is being made. The socket is gone 250 ms later. */
  closeDevice(deviceId: string, code: ErrorCode): void;
  connected(deviceId: string): boolean;
  connectionCount(): number;
  /** To speak to a device unasked; `null` when it has no connection. */
  link(deviceId: string): XiaozhiLink | null;
  /** Refuses new connections, lets turns finish for at most `ms`, closes every socket. Never rejects. */
  drain(ms: number): Promise<void>;
}

/** Throws CONFIG_INVALID when devices cannot use the public URL. */
export function createXiaozhiGateway(deps: XiaozhiGatewayDeps): XiaozhiGateway {
  const { log, clock, inbox, config } = deps;
  const counters = createCounters(deps.registry);
  const websocketUrl = deps.publicUrl === null ? null : publicWebsocketUrl(deps.publicUrl);
  const sessions = new Map<string, Session>();
  const upgrades = createUpgrades({
    log,
    clock,
    inbox,
    counters,
    maxConnections: config.maxConnections,
    connections: () => sessions.size,
    accept(socket, device, asked) {
      const session = openSession(sessionDeps, createWebSocketWire(socket, clock), device, asked);
      const older = sessions.get(device.deviceId);
      sessions.set(device.deviceId, session);
      older?.close('SESSION_REPLACED');
    },
  });
  const sessionDeps = { log, clock, inbox, counters, config, version: packageJson.version, onEnd };

  function onEnd(session: Session, code: ErrorCode | null): void {
    const { device } = session;
    if (sessions.get(device.deviceId) !== session) return;
    sessions.delete(device.deviceId);
    inbox.closed?.(device, code);
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const [path] = (request.url ?? '').split('?', 1);
    if (path !== WEBSOCKET_PATH && `${path}/` !== WEBSOCKET_PATH) return false;
    upgrades.admit(request, socket, head);
    return true;
  }

  return {
    register(http) {
      const { allowedOrigins } = config;
      http.register((scope) => otaRoutes(scope as Http, { clock, inbox, websocketUrl, allowedOrigins }));
      http.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (upgrade(request, socket, head) || http.server.listenerCount('upgrade') > 1) return;
        socket.on('error', (error) => log.debug({ err: error }, 'handshake broke off'));
        refuse(socket, new MusterError('NOT_FOUND'));
      });
    },
    upgrade,
    closeDevice(deviceId, code) {
      upgrades.shutOut(deviceId);
      sessions.get(deviceId)?.close(code);
    },
    connected: (deviceId) => sessions.has(deviceId),
    connectionCount: () => sessions.size,
    link: (deviceId) => sessions.get(deviceId)?.link ?? null,
    async drain(ms) {
      upgrades.stop();
      const open = [...sessions.values()];
      const finish = (signal: AbortSignal) => Promise.all(open.map((session) => session.stop(signal)));
      try {
        await within(clock, { ms, code: 'SERVER_STOPPING' }, finish);
      } catch (error) {
        log.warn({ err: error }, 'some turns were cut off');
      }
      for (const session of open) session.close('SERVER_STOPPING');
      await Promise.all(open.map((session) => session.gone));
    },
  };
}
