import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { LIMITS, LIVE_CLOSE_CODES, LIVE_PATH, type LiveCloseReason, MusterError } from '@muster/contract';
import { WebSocket, WebSocketServer } from 'ws';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { within } from '../../platform/deadline.ts';
import type { Http } from '../../platform/http/index.ts';
import { refuseUpgrade } from '../../platform/http/upgrades.ts';
import { newId } from '../../platform/ids.ts';
import type { Logger } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { LiveConfig } from './config.ts';
import { checkOrigin, isSecure, tokenOf } from './door.ts';
import { createFeeds } from './feeds.ts';
import type { LiveInbox, LiveViewer } from './inbox.ts';
import { routeEvents } from './routing.ts';
import { openSession, type Session } from './session.ts';

/** Pings keep proxies from forgetting the connection; one that answers nothing for three of them is gone, ms. */
const PING_MS = 20_000;
const MOST_UNANSWERED = 3;
/** Sessions are looked at again so often, ms: who signed out sees nothing after 5 s. */
const RECHECK_MS = 2_500;
const ASK_MS = 2_000;
/** Viewers that have not said who they are. */
const MOST_UNKNOWN = 500;
/** A viewer that does not answer the close of its connection is cut off after this, ms. */
const CLOSE_MS = 1_000;

/** The live feed: what happens, as it happens, for people's screens. */
export interface LiveGateway {
  /** Adds its listener for upgrades. Call it before `listen`. */
  register(http: Http): void;
  start(): void;
  count(): number;
  /** Tells every viewer that the server stops; resolves when they are gone. */
  drain(): Promise<void>;
}

interface Open {
  readonly session: Session;
  readonly socket: WebSocket;
  /** Pings since something was heard. */
  unanswered: number;
}

export function createLiveGateway(deps: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: Bus;
  readonly metrics: Metrics;
  readonly config: LiveConfig;
  readonly inbox: LiveInbox;
  /** Of these the first that is there counts; over https only the first, which no page of another host can set. */
  readonly cookieNames: readonly string[];
  readonly publicUrl: string | null;
}): LiveGateway {
  const { clock, log, metrics, config, inbox } = deps;
  const epoch = newId(clock.now());
  const routes = routeEvents(deps.bus, (kind, id) => feeds.find(kind, id), clock);
  const feeds = createFeeds({
    epoch,
    clock,
    log,
    inbox,
    onFollowed: (kind, isFollowed) => routes.followed(kind, isFollowed),
  });
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LIMITS.liveFrameBytes,
    maxFragments: 16,
    maxBufferedChunks: 1_024,
  });
  const open = new Set<Open>();
  const gone = new Set<() => void>();
  let entering = 0;
  let stopping = false;
  const ends: (() => void)[] = [];
  const loops: { cancel(): void; running: Promise<void> }[] = [];

  metrics.gauge('muster_live_viewers', 'Connections to the live feed open now', () => open.size);
  metrics.gauge('muster_live_topics', 'Topics of the live feed that are followed', () => feeds.count());
  const sentTotal = metrics.counter('muster_live_changes_total', 'Changes sent to viewers of the live feed');
  const mergedTotal = metrics.counter('muster_live_merged_total', 'Frames that stand for changes a slow viewer missed');
  const refusedTotal = metrics.counter('muster_live_refused_total', 'What viewers asked and was refused', ['code']);
  const closedTotal = metrics.counter('muster_live_closed_total', 'Viewers that the server closed', ['reason']);
  const counters = {
    sent: (frames: number) => sentTotal.inc(frames),
    merged: () => mergedTotal.inc(),
    refused: (code: string) => refusedTotal.inc({ code }),
  };

  /** When nobody can be asked in time, what is open stays open and nothing new is let in. */
  const ask = <T>(task: () => Promise<T>): Promise<T> => within(clock, { ms: ASK_MS, code: 'UNAVAILABLE' }, task);

  function checkRoom(viewer: LiveViewer | null): void {
    const { unknown, ofUser } = countOpen(viewer?.userId ?? null);
    if (viewer === null && unknown >= MOST_UNKNOWN) throw new MusterError('UNAVAILABLE', { unknown });
    if (viewer !== null && ofUser >= config.socketsPerUser) {
      const say = `One user may have ${config.socketsPerUser} connections to the live feed.`;
      throw new MusterError('RATE_LIMITED', { limit: config.socketsPerUser }, { say });
    }
  }

  function countOpen(userId: string | null): { readonly unknown: number; readonly ofUser: number } {
    let unknown = 0;
    let ofUser = 0;
    for (const { session } of open) {
      const viewer = session.viewer();
      if (viewer === null) unknown += 1;
      else if (viewer.userId === userId) ofUser += 1;
    }
    return { unknown, ofUser };
  }

  async function upgrade(http: Http, request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    if (stopping) throw new MusterError('SERVER_STOPPING');
    checkOrigin(request, deps.publicUrl);
    const names = isSecure(request, deps.publicUrl) ? deps.cookieNames.slice(0, 1) : deps.cookieNames;
    const brought = tokenOf(request, names, (header) => http.parseCookie(header));
    entering += 1;
    try {
      if (open.size + entering > config.maxConnections) throw new MusterError('UNAVAILABLE', { open: open.size });
      const viewer = brought === null ? null : await ask(() => inbox.viewerOf(brought.token));
      // an old cookie is no fault of whoever says hello next
      if (viewer === null && brought?.from === 'header') throw new MusterError('SIGN_IN_REQUIRED');
      if (stopping) throw new MusterError('SERVER_STOPPING');
      checkRoom(viewer);
      if (stream.destroyed) return;
      server.handleUpgrade(request, stream, head, (socket) => admit(socket, stream, viewer));
    } finally {
      entering -= 1;
    }
  }

  function admit(socket: WebSocket, stream: Duplex, viewer: LiveViewer | null): void {
    const session = openSession({
      socket,
      stream,
      epoch,
      clock,
      feeds,
      inbox,
      counters,
      onHello: (token) => {
        hello(session, token).catch((error: unknown) => {
          log.warn({ err: error }, 'a viewer could not be looked up');
          session.close('INTERNAL');
        });
      },
      onClose: (reason) => close(socket, reason),
      onFault: (error) => log.error({ err: error }, 'a frame of a viewer failed'),
    });
    const entry: Open = { session, socket, unanswered: 0 };
    open.add(entry);
    const heard = (): void => {
      entry.unanswered = 0;
    };
    socket.on('pong', heard);
    socket.on('message', heard);
    socket.on('error', (error) => log.debug({ err: error }, 'a socket of a viewer failed'));
    const cancelHello = clock.after(LIMITS.liveHelloMs, () => {
      if (session.viewer() === null) session.close('SIGN_IN_REQUIRED');
    });
    socket.on('close', () => {
      cancelHello();
      open.delete(entry);
      session.ended();
      if (open.size === 0) for (const resolve of gone) resolve();
    });
    if (viewer !== null) session.know(viewer);
  }

  async function hello(session: Session, token: string): Promise<void> {
    const viewer = await ask(() => inbox.viewerOf(token));
    if (viewer === null) return session.close('SIGN_IN_REQUIRED');
    if (countOpen(viewer.userId).ofUser >= config.socketsPerUser) return session.close('RATE_LIMITED');
    session.know(viewer);
  }

  function close(socket: WebSocket, reason: LiveCloseReason): void {
    closedTotal.inc({ reason });
    socket.close(LIVE_CLOSE_CODES[reason], reason);
    const cancel = clock.after(CLOSE_MS, () => socket.terminate());
    socket.once('close', cancel);
  }

  function ping(): void {
    for (const entry of open) {
      entry.unanswered += 1;
      if (entry.unanswered > MOST_UNANSWERED) {
        closedTotal.inc({ reason: 'silent' });
        entry.socket.terminate();
      } else if (entry.socket.readyState === WebSocket.OPEN) entry.socket.ping();
    }
  }

  /** Looks at sessions that were begun, and the newest of them that was answered: an older one says less. */
  let looks = 0;
  let answered = 0;

  /** One query for all: who is still signed in, and what they may see now. */
  async function recheck(): Promise<void> {
    looks += 1;
    const mine = looks;
    const known = [...open].flatMap(({ session }) => {
      const viewer = session.viewer();
      return viewer === null ? [] : [{ session, viewer }];
    });
    if (known.length === 0) return;
    const ids = new Set(known.map(({ viewer }) => viewer.sessionId));
    const viewers = await ask(() => inbox.viewersOf([...ids]));
    if (mine < answered) return;
    answered = mine;
    for (const { session, viewer } of known) {
      const now = viewers.get(viewer.sessionId);
      if (now === undefined) session.close('SIGN_IN_REQUIRED');
      else session.know(now);
    }
  }

  /** Somebody's sessions ended, or their rights are others: nobody waits for the next look. */
  let soon = false;
  function recheckSoon(userId: string): void {
    if (soon || ![...open].some(({ session }) => session.viewer()?.userId === userId)) return;
    soon = true;
    setImmediate(() => {
      soon = false;
      // what fails here is looked at again by the loop
      recheck().catch((error: unknown) => log.debug({ err: error }, 'viewers could not be looked at at once'));
    });
  }

  /** Runs `task` every `ms` until the stop, one after the other. */
  function every(ms: number, task: () => Promise<void>): void {
    const loop = { cancel: (): void => undefined, running: Promise.resolve() };
    loops.push(loop);
    const plan = (): void => {
      loop.cancel = clock.after(ms, () => {
        loop.running = task()
          .catch((error: unknown) => log.warn({ err: error }, 'viewers could not be looked at; trying again'))
          .finally(() => {
            if (!stopping) plan();
          });
      });
    };
    plan();
  }

  return {
    register(http) {
      http.server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
        const [path] = (request.url ?? '').split('?', 1);
        if (path !== LIVE_PATH) return;
        stream.on('error', (error) => log.debug({ err: error }, 'handshake broke off'));
        upgrade(http, request, stream, head).catch((error: unknown) => {
          const known = error instanceof MusterError ? error : new MusterError('INTERNAL', {}, { cause: error });
          counters.refused(known.code);
          if (known.code === 'INTERNAL') log.error({ err: error }, 'a viewer could not be let in');
          refuseUpgrade(stream, known);
        });
      });
    },
    start() {
      feeds.start();
      every(RECHECK_MS, recheck);
      for (const name of ['session.ended', 'user.changed'] as const) {
        ends.push(deps.bus.subscribe(name, ({ userId }) => recheckSoon(userId)));
      }
      every(PING_MS, async () => ping());
    },
    count: () => open.size,
    async drain() {
      stopping = true;
      for (const loop of loops) loop.cancel();
      for (const end of ends) end();
      routes.end();
      const left = new Promise<void>((resolve) => gone.add(resolve));
      for (const { session } of [...open]) session.close('SERVER_STOPPING');
      await Promise.all(loops.map(({ running }) => running));
      if (open.size > 0) await left;
      await feeds.stop();
    },
  };
}
