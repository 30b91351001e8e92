import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { LIVE_PATH, type LiveFrame, type LiveRequest, MusterError, nameOfLiveTopic } from '@muster/contract';
import type { VirtualClock } from '@muster/testkit';
import { Value } from 'typebox/value';
import { WebSocket } from 'ws';
import { type Bus, createInProcessBus } from '../../platform/bus/index.ts';
import { systemClock } from '../../platform/clock.ts';
import { createHttp, httpConfig } from '../../platform/http/index.ts';
import { createLogger } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { createLiveGateway, type LiveConfig, type LiveGateway, type LiveItem, liveConfig } from './index.ts';
import { keyOf } from './kinds.ts';

export const SITE = '019a0000-0000-7000-8000-0000000000aa';
export const OTHER_SITE = '019a0000-0000-7000-8000-0000000000bb';
export const DEVICE = '019a0000-0000-7000-8000-000000000001';
export const FOREIGN_DEVICE = '019a0000-0000-7000-8000-000000000002';
export const COOKIE = 'session';
export const SECURE_COOKIE = '__Host-session';
const WAIT_MS = 10_000;

/** A viewer over a proper socket. Frames wait in `frames` until they are taken. */
export interface TestViewer {
  readonly socket: WebSocket;
  readonly frames: LiveFrame[];
  send(request: LiveRequest): void;
  /** Takes the first frame that `is` accepts, the next one without it. Fails after 10 s, or when the connection ends. */
  next(is?: (frame: LiveFrame) => boolean): Promise<LiveFrame>;
  /** Code and reason, when the connection has ended. */
  closed(): Promise<{ readonly code: number; readonly reason: string }>;
  end(): void;
}

export interface TestLive {
  readonly gateway: LiveGateway;
  readonly bus: Bus;
  readonly url: string;
  /** What a topic holds, by its name: what a database would. */
  readonly stored: Map<string, LiveItem[]>;
  /** Session tokens, and the sites that their people may see; `forbidden`: they may not, though they know of it. */
  readonly sessions: Map<string, { readonly sites: readonly string[]; readonly forbidden?: readonly string[] }>;
  connect(
    token: string | null,
    options?: { readonly headers?: Record<string, string>; autoPong?: boolean },
  ): Promise<TestViewer>;
  /** A measurement, stored and told. */
  measure(at: number, value: LiveItem['value'], series?: string): void;
  metric(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** The live feed alone: what it shows is in memory, the sockets are proper ones. */
export async function startLive(
  options: { readonly config?: Partial<LiveConfig>; readonly clock?: VirtualClock; readonly publicUrl?: string } = {},
): Promise<TestLive> {
  const log = createLogger('silent');
  const metrics = createMetrics();
  const bus = createInProcessBus(log);
  const clock = options.clock ?? systemClock;
  const stored: TestLive['stored'] = new Map();
  const sessions: TestLive['sessions'] = new Map([['ada', { sites: [SITE] }]]);
  const viewers: TestViewer[] = [];
  const viewerOf = (token: string) => {
    const session = sessions.get(token);
    if (session === undefined) return null;
    const { sites, forbidden = [] } = session;
    return {
      sessionId: token,
      userId: SITE.replace('aa', `${token.length}`.padStart(2, '0')),
      may: (_kind: string, siteId: string) =>
        sites.includes(siteId) ? ('allowed' as const) : forbidden.includes(siteId) ? 'forbidden' : 'hidden',
    } as const;
  };
  const gateway = createLiveGateway({
    clock,
    log,
    bus,
    metrics,
    config: { ...(Value.Create(liveConfig) as LiveConfig), ...options.config },
    cookieNames: [SECURE_COOKIE, COOKIE],
    publicUrl: options.publicUrl ?? null,
    inbox: {
      viewerOf: async (token) => viewerOf(token),
      async viewersOf(ids) {
        const found = ids.flatMap((id) => {
          const viewer = viewerOf(id);
          return viewer === null ? [] : [[id, viewer] as const];
        });
        return new Map(found);
      },
      async siteOf(topic) {
        const { id } = topic;
        if (stored.has(nameOfLiveTopic(topic))) return SITE;
        if (id === FOREIGN_DEVICE || id === OTHER_SITE) return OTHER_SITE;
        if (id === DEVICE || id === SITE) return SITE;
        throw new MusterError('NOT_FOUND');
      },
      read: async (topic) => [...(stored.get(nameOfLiveTopic(topic)) ?? [])],
      readSome: async (topic, keys) =>
        (stored.get(nameOfLiveTopic(topic)) ?? []).filter((item) => keys.includes(keyOf(topic.kind, item))),
    },
  });
  const http = await createHttp(Value.Create(httpConfig) as never, log, metrics, '0');
  gateway.register(http);
  gateway.start();
  await http.listen({ host: '127.0.0.1', port: 0 });
  const url = `ws://127.0.0.1:${(http.server.address() as AddressInfo).port}${LIVE_PATH}`;

  return {
    gateway,
    bus,
    url,
    stored,
    sessions,
    async connect(token, { headers = {}, autoPong = true } = {}) {
      const viewer = await openViewer(url, token, headers, autoPong);
      viewers.push(viewer);
      return viewer;
    },
    measure(at, value, series = 'temp') {
      const topic = `device/${DEVICE}/telemetry`;
      const kind = typeof value === 'number' ? 'number' : 'string';
      const others = (stored.get(topic) ?? []).filter((item) => item.series !== series);
      stored.set(topic, [...others, { series, kind, at, value }]);
      const points = [{ series, kind, at, value: value as string | number }] as const;
      bus.publish('telemetry.stored', { batches: [{ deviceId: DEVICE, siteId: SITE, receivedAt: at, points }] });
    },
    metric: async (name) => (await metrics.registry.metrics()).split('\n').find((line) => line.startsWith(name)) ?? '',
    async stop() {
      for (const viewer of viewers) viewer.end();
      await gateway.drain();
      await http.close();
    },
  };
}

/** Connects, and waits until the server knows who it is when a token is given. */
export async function openViewer(
  url: string,
  token: string | null,
  headers: Record<string, string> = {},
  autoPong = true,
): Promise<TestViewer> {
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    autoPong,
    headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
  });
  const frames: LiveFrame[] = [];
  const end: { code: number; reason: string }[] = [];
  let wake = (): void => undefined;
  socket.on('message', (data) => {
    frames.push(JSON.parse(String(data)) as LiveFrame);
    wake();
  });
  socket.on('close', (code, reason) => {
    end.push({ code, reason: String(reason) });
    wake();
  });
  await once(socket, 'open', { signal: AbortSignal.timeout(WAIT_MS) });
  socket.on('error', () => undefined);

  /** Looks again at each frame, and at the end of the connection. */
  async function when<T>(look: () => T | undefined): Promise<T> {
    const until = Date.now() + WAIT_MS;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (Date.now() > until) throw new MusterError('ANSWER_TIMEOUT', { frames: JSON.stringify(frames).slice(0, 500) });
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = setTimeout(resolve, 100);
      await promise;
      clearTimeout(timer);
    }
  }

  const viewer: TestViewer = {
    socket,
    frames,
    send: (request) => socket.send(JSON.stringify(request)),
    next: (is = () => true) =>
      when(() => {
        const at = frames.findIndex(is);
        if (at >= 0) return frames.splice(at, 1)[0];
        if (end[0] !== undefined) throw new MusterError('SERVER_UNREACHABLE', end[0]);
        return undefined;
      }),
    closed: () => when(() => end[0]),
    end: () => socket.terminate(),
  };
  if (token !== null) await viewer.next(({ type }) => type === 'welcome');
  return viewer;
}
