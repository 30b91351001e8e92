import { type LiveTopic, nameOfLiveTopic } from '@muster/contract';
import { forgetOldest } from '../../platform/forget-oldest.ts';
import type { LiveItem } from './inbox.ts';
import { KIND_RULES, keyOf } from './kinds.ts';
import { createRing, type RingBudget } from './ring.ts';

/** Ended things that are remembered, so that hearing of an end twice tells it once. */
const MOST_ENDED = 256;
/** Things that are looked up with one query. */
const LOOKED_UP = 200;

/** Whoever follows a topic. Nothing here may block: a change goes to thousands. */
export interface FeedReader {
  changed(frame: Buffer, seq: number): void;
}

/**
 * One topic: how everything of it is now, and the number of its last change. What is told and what a snapshot holds
 * come from the same place within one turn of the event loop, so that there is no gap between them and nothing twice.
 */
export interface Feed {
  readonly topic: LiveTopic;
  /** Of slow readers: whether `merged` may stand for the changes that they missed. */
  readonly merges: boolean;
  /** Resolves when the first state is there. Rejects with what reading it threw; the feed is of no use then. */
  readonly ready: Promise<void>;
  readonly seq: number;
  readonly readers: number;
  add(reader: FeedReader): void;
  remove(reader: FeedReader): void;
  /** Things as an event tells them; what is known already is left out. */
  tell(items: readonly LiveItem[]): void;
  /** These things have changed; how is read. Several changes that come together are one. */
  look(keys: readonly string[]): void;
  /** Reads everything again, for events that were lost. */
  refresh(): Promise<void>;
  snapshot(): Buffer;
  /** A frame for each change after `seq`; null when not all are kept. */
  after(seq: number): readonly Buffer[] | null;
  /** One frame with the newest of each thing that changed after `seq`; null when nothing did. */
  merged(seq: number): Buffer | null;
  /** Gives back what its ring held. */
  close(): void;
}

export interface FeedDeps {
  readonly epoch: string;
  /** Number of the state that is read first: higher than any number of a feed that was here before. */
  readonly firstSeq: number;
  readonly budget: RingBudget;
  readonly now: () => number;
  readonly read: (topic: LiveTopic) => Promise<readonly LiveItem[]>;
  readonly readSome: (topic: LiveTopic, keys: readonly string[]) => Promise<readonly LiveItem[]>;
  /** Things could not be looked up; the next refresh makes that good. */
  readonly onFault: (error: unknown, topic: LiveTopic) => void;
}

interface Entry {
  readonly item: LiveItem;
  /** The change that brought it. */
  readonly seq: number;
}

export function createFeed(topic: LiveTopic, deps: FeedDeps): Feed {
  const { kind } = topic;
  const rules = KIND_RULES[kind];
  const name = JSON.stringify(nameOfLiveTopic(topic));
  const readers = new Set<FeedReader>();
  const known = new Map<string, Entry>();
  const ended = new Map<string, LiveItem>();
  const ring = createRing(deps.budget, deps.firstSeq + 1);
  const waiting = new Set<string>();
  /** Things that were told while everything is read: what is read of them may be older. */
  let told: Set<string> | null = null;
  let seq = deps.firstSeq;
  let looking = false;
  let closed = false;
  let shown: { readonly seq: number; readonly frame: Buffer } | null = null;

  function keep(key: string, item: LiveItem): void {
    if (rules.hasEnded(item)) {
      known.delete(key);
      ended.delete(key);
      ended.set(key, item);
      forgetOldest(ended, MOST_ENDED);
      return;
    }
    ended.delete(key);
    known.set(key, { item, seq });
    if (known.size > rules.most) known.delete(leastOf(known));
  }

  function tell(items: readonly LiveItem[]): void {
    const news: string[] = [];
    const next = seq + 1;
    for (const item of items) {
      const key = keyOf(kind, item);
      told?.add(key);
      const before = known.get(key)?.item ?? ended.get(key);
      if (before !== undefined && !rules.isNews(before, item)) continue;
      seq = next;
      keep(key, item);
      news.push(JSON.stringify(item));
    }
    if (news.length === 0) return;
    const frame = Buffer.from(`{"type":"change","topic":${name},"seq":${seq},"items":[${news.join(',')}]}`);
    ring.add(frame);
    for (const reader of readers) reader.changed(frame, seq);
  }

  /** What is known of a thing that was told meanwhile is newer, unless the things themselves say otherwise. */
  async function readAll(): Promise<{ readonly items: readonly LiveItem[]; readonly told: ReadonlySet<string> }> {
    const mine = new Set<string>();
    told = mine;
    try {
      const items = await deps.read(topic);
      return { items: items.filter((item) => rules.ordered || !mine.has(keyOf(kind, item))), told: mine };
    } finally {
      told = null;
    }
  }

  async function begin(): Promise<void> {
    for (const item of (await readAll()).items) {
      const key = keyOf(kind, item);
      const before = known.get(key)?.item;
      if (before === undefined || rules.isNews(before, item)) keep(key, item);
    }
  }

  async function lookUp(): Promise<void> {
    looking = true;
    try {
      while (waiting.size > 0 && !closed) {
        const keys = [...waiting].slice(0, LOOKED_UP);
        for (const key of keys) waiting.delete(key);
        const items = await deps.readSome(topic, keys);
        const found = new Set(items.map((item) => keyOf(kind, item)));
        // removed from the database: it is in no first state from now on
        for (const key of keys) if (!found.has(key) && known.delete(key)) shown = null;
        tell(items);
      }
    } finally {
      // in the same turn as the last look at what waits: what comes next begins anew
      looking = false;
    }
  }

  function look(keys: readonly string[]): void {
    for (const key of keys) {
      told?.add(key);
      waiting.add(key);
    }
    if (!looking && !closed) lookUp().catch((error: unknown) => deps.onFault(error, topic));
  }

  return {
    topic,
    merges: rules.merges,
    ready: begin(),
    get seq() {
      return seq;
    },
    get readers() {
      return readers.size;
    },
    add: (reader) => void readers.add(reader),
    remove: (reader) => void readers.delete(reader),
    tell,
    look,
    async refresh() {
      // of two reads side by side the older could come last
      if (told !== null || looking) return;
      const before = [...known.keys()];
      const { items, told: meanwhile } = await readAll();
      if (closed) return;
      tell(items);
      const there = new Set(items.map((item) => keyOf(kind, item)));
      const gone = before.filter((key) => !there.has(key) && !meanwhile.has(key));
      const now = deps.now();
      const absent = gone.map((key) => rules.absent(key, now)).filter((item) => item !== null);
      if (absent.length > 0) tell(absent);
      else if (gone.length > 0 && kind !== 'telemetry') look(gone);
    },
    snapshot() {
      if (shown?.seq !== seq) {
        const items = [...known.values()].map(({ item }) => JSON.stringify(item));
        const head = `"topic":${name},"epoch":"${deps.epoch}","seq":${seq}`;
        shown = { seq, frame: Buffer.from(`{"type":"snapshot",${head},"items":[${items.join(',')}]}`) };
      }
      return shown.frame;
    },
    after: (from) => ring.after(from),
    merged(from) {
      const items = [...known.values()].filter((entry) => entry.seq > from).map(({ item }) => JSON.stringify(item));
      if (items.length === 0) return null;
      const head = `"topic":${name},"seq":${seq},"first":${from + 1}`;
      return Buffer.from(`{"type":"change",${head},"items":[${items.join(',')}]}`);
    },
    close() {
      closed = true;
      ring.clear();
    },
  };
}

/** Ids are made in the order of time. */
function leastOf(entries: ReadonlyMap<string, unknown>): string {
  let least: string | null = null;
  for (const key of entries.keys()) if (least === null || key < least) least = key;
  return least ?? '';
}
