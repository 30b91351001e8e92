import { type LiveKind, type LiveTopic, MusterError } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { within } from '../../platform/deadline.ts';
import type { Logger } from '../../platform/log.ts';
import { createFeed, type Feed } from './feed.ts';
import type { LiveInbox } from './inbox.ts';
import type { RingBudget } from './ring.ts';

/** Topics that are followed at a time, also those that nobody watches any more. */
const MOST_FEEDS = 10_000;
/** A topic is followed for so long after its last viewer left, ms: one that comes back goes on where it was. */
const LINGER_MS = 60_000;
/** Everything is read again so often, ms: the bus may lose an event. */
const REFRESH_MS = 60_000;
/** Other servers send measurements only when they have heard that somebody looks: what they stored before is read, ms. */
const FIRST_REFRESH_MS = 2_000;
const TICK_MS = 1_000;
/** Reads of whole topics at a time: a page that opens asks for many, and devices need the database too. */
const READS_AT_ONCE = 4;
const READ_MS = 10_000;
/** All rings together, bytes. */
const RING_BYTES = 67_108_864;

/** The topics that are followed. */
export interface Feeds {
  /** The feed of a topic, which need not be ready. UNAVAILABLE when too many are watched. */
  open(topic: LiveTopic): Feed;
  /** Null when nobody watches it. */
  find(kind: LiveKind, id: string): Feed | null;
  count(): number;
  start(): void;
  /** Waits for what is being read. */
  stop(): Promise<void>;
}

interface Followed {
  readonly feed: Feed;
  /** Monotonic ms. */
  usedAt: number;
  refreshedAt: number;
}

export function createFeeds(deps: {
  readonly epoch: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly inbox: Pick<LiveInbox, 'read' | 'readSome'>;
  /** Whether any topic of a kind is followed; called when that changes, before the first one is read. */
  readonly onFollowed: (kind: LiveKind, isFollowed: boolean) => void;
}): Feeds {
  const { clock, log, inbox } = deps;
  const kinds = new Map<LiveKind, Map<string, Followed>>();
  const budget: RingBudget = { left: RING_BYTES };
  const queue: (() => void)[] = [];
  let reading = 0;
  let count = 0;
  /** Numbers below this were used by feeds that are gone: they must not be taken for those of a new one. */
  let nextSeq = 0;
  let stopped = false;
  let cancelTick = (): void => undefined;
  let ticking: Promise<void> = Promise.resolve();

  /** The queue is bounded by the feeds: each has one read of its kind at a time. */
  async function inTurn<T>(task: () => Promise<T>): Promise<T> {
    if (reading >= READS_AT_ONCE) await new Promise<void>((resolve) => queue.push(resolve));
    else reading += 1;
    try {
      return await within(clock, { ms: READ_MS, code: 'UNAVAILABLE' }, task);
    } finally {
      const next = queue.shift();
      if (next === undefined) reading -= 1;
      else next();
    }
  }

  function remove({ feed }: Followed): void {
    const { kind, id } = feed.topic;
    const some = kinds.get(kind);
    if (some?.delete(id) !== true) return;
    count -= 1;
    if (some.size === 0) deps.onFollowed(kind, false);
    nextSeq = Math.max(nextSeq, feed.seq + 1);
    feed.close();
  }

  function* all(): Iterable<Followed> {
    for (const some of kinds.values()) yield* some.values();
  }

  /** Makes room: the topic that was left longest ago goes. */
  function makeRoom(): void {
    let oldest: Followed | null = null;
    for (const one of all()) {
      if (one.feed.readers === 0 && (oldest === null || one.usedAt < oldest.usedAt)) oldest = one;
    }
    if (oldest === null) throw new MusterError('UNAVAILABLE', { topics: count });
    remove(oldest);
  }

  async function tick(): Promise<void> {
    const now = clock.monotonic();
    const due: Followed[] = [];
    for (const one of all()) {
      if (one.feed.readers > 0) one.usedAt = now;
      else if (now - one.usedAt > LINGER_MS) remove(one);
      if (now - one.refreshedAt > REFRESH_MS) due.push(one);
    }
    // the oldest first, and spread: what was opened together shall not be read together for ever
    due.sort((a, b) => a.refreshedAt - b.refreshedAt);
    const share = Math.ceil((count * TICK_MS) / REFRESH_MS) + 1;
    for (const one of due.slice(0, share)) {
      if (stopped) return;
      one.refreshedAt = clock.monotonic();
      await one.feed.refresh().catch((error: unknown) => failed(error, one.feed.topic));
    }
  }

  function failed(error: unknown, topic: LiveTopic): void {
    log.warn({ err: error, kind: topic.kind, id: topic.id }, 'a topic could not be read; it is tried again');
  }

  function plan(): void {
    cancelTick = clock.after(TICK_MS, () => {
      ticking = tick()
        .catch((error: unknown) => log.error({ err: error }, 'topics could not be looked after'))
        .finally(() => {
          if (!stopped) plan();
        });
    });
  }

  return {
    open(topic) {
      const { kind, id } = topic;
      const some = kinds.get(kind) ?? new Map<string, Followed>();
      kinds.set(kind, some);
      const known = some.get(id);
      const now = clock.monotonic();
      if (known !== undefined) {
        known.usedAt = now;
        return known.feed;
      }
      if (count >= MOST_FEEDS) makeRoom();
      if (some.size === 0) deps.onFollowed(kind, true);
      const feed = createFeed(topic, {
        epoch: deps.epoch,
        firstSeq: nextSeq,
        budget,
        now: clock.now,
        read: (one) => inTurn(() => inbox.read(one)),
        readSome: (one, keys) => within(clock, { ms: READ_MS, code: 'UNAVAILABLE' }, () => inbox.readSome(one, keys)),
        onFault: failed,
      });
      const refreshedAt = kind === 'telemetry' ? now - REFRESH_MS + FIRST_REFRESH_MS : now;
      const followed = { feed, usedAt: now, refreshedAt };
      some.set(id, followed);
      count += 1;
      // what could not be read at first is read anew for the next who asks
      feed.ready.catch(() => remove(followed));
      return feed;
    },
    find: (kind, id) => kinds.get(kind)?.get(id)?.feed ?? null,
    count: () => count,
    start: plan,
    async stop() {
      stopped = true;
      cancelTick();
      await ticking;
      for (const one of [...all()]) remove(one);
    },
  };
}
