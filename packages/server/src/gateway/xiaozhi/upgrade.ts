import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type FramingVersion, framingVersion, LIMITS, MusterError } from '@muster/contract';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../../platform/clock.ts';
import { within } from '../../platform/deadline.ts';
import { refuseUpgrade } from '../../platform/http/upgrades.ts';
import type { Logger } from '../../platform/log.ts';
import type { XiaozhiCounters } from './counters.ts';
import { readCredentials } from './credentials.ts';
import { type DeviceIdentity, INBOX_DEADLINE, type XiaozhiInbox } from './inbox.ts';

/** The kernel looks for a dead peer after this long, ms: a device that lost its power says nothing. */
const KEEP_ALIVE_MS = 30_000;

const SERVER_OPTIONS = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: LIMITS.textFrameBytes,
  // Devices send whole messages; these only bound what a hostile one can make us keep.
  maxFragments: 64,
  maxBufferedChunks: 4_096,
};

export interface UpgradeDeps {
  readonly log: Logger;
  readonly clock: Clock;
  readonly inbox: XiaozhiInbox;
  readonly counters: XiaozhiCounters;
  readonly maxConnections: number;
  readonly connections: () => number;
  /** `asked` is the framing of the handshake; `null` when it names none. */
  readonly accept: (socket: WebSocket, device: DeviceIdentity, asked: FramingVersion | null) => void;
}

/** The door of the WebSocket: a device is known before its connection is upgraded, or hears an HTTP error. */
export interface Upgrades {
  admit(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Refuses the device if it is at the door now: its token may have been read before it was revoked. */
  shutOut(deviceId: string): void;
  /** Refuses everyone from now on. */
  stop(): void;
}

export function createUpgrades(deps: UpgradeDeps): Upgrades {
  const server = new WebSocketServer(SERVER_OPTIONS);
  /** For each handshake in progress, the devices that were shut out since it began. */
  const pending = new Set<Set<string>>();
  let stopping = false;

  async function authenticate(request: IncomingMessage, query: URLSearchParams): Promise<DeviceIdentity> {
    if (stopping) throw new MusterError('SERVER_STOPPING');
    const credentials = readCredentials(request.headers, query, request.socket.remoteAddress ?? '');
    if (credentials === null) throw new MusterError('DEVICE_TOKEN_INVALID');
    if (deps.connections() + pending.size >= deps.maxConnections) {
      throw new MusterError('UNAVAILABLE', { maxConnections: deps.maxConnections });
    }
    const shutOut = new Set<string>();
    pending.add(shutOut);
    try {
      const ask = (signal: AbortSignal) => deps.inbox.authenticate(credentials, signal);
      const device = await within(deps.clock, INBOX_DEADLINE, ask);
      if (stopping) throw new MusterError('SERVER_STOPPING');
      if (device === null || shutOut.has(device.deviceId)) throw new MusterError('DEVICE_TOKEN_INVALID');
      return device;
    } finally {
      pending.delete(shutOut);
    }
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const query = queryOf(request);
    const device = await authenticate(request, query);
    if (socket.destroyed) return;
    request.socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const asked = request.headers['protocol-version'] ?? query.get('protocol-version');
    // Synchronous: no other handshake of the device comes between its check and its acceptance.
    server.handleUpgrade(request, socket, head, (webSocket) =>
      deps.accept(webSocket, device, asked === null ? null : framingVersion(asked)),
    );
  }

  return {
    admit(request, socket, head) {
      socket.on('error', (error) => deps.log.debug({ err: error }, 'handshake broke off'));
      upgrade(request, socket, head).catch((error: unknown) => {
        const known = error instanceof MusterError ? error : new MusterError('INTERNAL', {}, { cause: error });
        deps.counters.refused(known.code);
        if (known.status >= 500) deps.log.error({ err: known }, 'handshake failed');
        else deps.log.info({ code: known.code }, 'handshake refused');
        refuseUpgrade(socket, known);
      });
    },
    shutOut(deviceId) {
      for (const devices of pending) devices.add(deviceId);
    },
    stop() {
      stopping = true;
    },
  };
}

function queryOf(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? '';
  const at = url.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : url.slice(at));
}
