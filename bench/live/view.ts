import { WebSocket } from 'ws';
import { percentile } from '../report/statistics.ts';

/**
 * Viewers, a process of their own, forked: each has its own connection and watches one topic. One more watches the heavy
 * topics, does not read until the end, and then looks what became of it. Tells its parent how long each change took
 * from `sentAt` to its receipt.
 */
export interface ViewJob {
  readonly url: string;
  readonly token: string;
  readonly viewers: number;
  readonly topics: readonly string[];
  readonly heavyTopics: readonly string[];
  /** Counted time; what comes before the parent says so is not counted. */
  readonly seconds: number;
}

export interface ViewReport {
  /** Messages of devices that came to viewers: one change may hold several. */
  readonly delivered: number;
  readonly tookMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Numbers of changes that never came to a viewer that reads. */
  readonly missed: number;
  readonly slow: SlowReport | null;
}

/** `changes`: what the slow viewer got, `merged` of them for several; `covered`: numbers that these stand for. */
export interface SlowReport {
  readonly changes: number;
  readonly merged: number;
  readonly covered: number;
  readonly missed: number;
  readonly closedWith: number;
}

/** Connections that are begun together. */
const TOGETHER = 50;
/** Longest wait for what the slow viewer has yet to read, ms. */
const CATCH_UP_MS = 8_000;

const job = JSON.parse(process.argv[2] ?? '{}') as ViewJob;
const times: number[] = [];
let counting = false;
let delivered = 0;
let missed = 0;

const sockets: WebSocket[] = [];
for (let from = 0; from < job.viewers; from += TOGETHER) {
  const some = Array.from({ length: Math.min(TOGETHER, job.viewers - from) }, (_, nth) => view(from + nth));
  sockets.push(...(await Promise.all(some)));
}
const slow = job.heavyTopics.length === 0 ? null : await lag(job.heavyTopics);
process.send?.({ connected: sockets.length });
await new Promise<void>((resolve) => process.once('message', () => resolve()));
counting = true;
const begun = performance.now();
await wait(job.seconds * 1_000);
counting = false;
const tookMs = performance.now() - begun;
const report: ViewReport = {
  delivered,
  tookMs,
  p50Ms: percentile(times, 0.5),
  p99Ms: percentile(times, 0.99),
  maxMs: percentile(times, 1),
  missed,
  slow: (await slow?.end()) ?? null,
};
process.send?.(report, () => process.exit(0));

async function view(nth: number): Promise<WebSocket> {
  const topic = job.topics[nth % job.topics.length] ?? '';
  let last: number | null = null;
  const socket = await subscribe([topic], (data) => {
    const now = performance.timeOrigin + performance.now();
    const frame = JSON.parse(data) as { seq: number; first?: number; items: { series: string; value: number }[] };
    if (last !== null) missed += (frame.first ?? frame.seq) - last - 1;
    last = frame.seq;
    if (!counting) return;
    for (const { series, value } of frame.items) {
      if (series !== 'sentAt') continue;
      delivered += 1;
      times.push(now - value);
    }
  });
  return socket;
}

/** Resolves when every topic has its first state; `onChange` gets the text of each change. */
function subscribe(topics: readonly string[], onChange: (data: string) => void): Promise<WebSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const headers = job.token === '' ? {} : { authorization: `Bearer ${job.token}` };
  const socket = new WebSocket(job.url, { perMessageDeflate: false, headers });
  let waiting = topics.length;
  socket.once('error', reject);
  socket.on('open', () => {
    for (const topic of topics) socket.send(JSON.stringify({ type: 'subscribe', topic }));
  });
  socket.on('message', (bytes) => {
    const data = String(bytes);
    if (data.startsWith('{"type":"change"')) return onChange(data);
    if (!data.startsWith('{"type":"snapshot"')) return;
    waiting -= 1;
    if (waiting === 0) resolve(socket);
  });
  return promise;
}

async function lag(topics: readonly string[]): Promise<{ end(): Promise<SlowReport> }> {
  const lasts = new Map<string, number>();
  const seen = { changes: 0, merged: 0, covered: 0, missed: 0, closedWith: 0 };
  const socket = await subscribe(topics, (data) => {
    const { topic, seq, first = seq } = JSON.parse(data) as { topic: string; seq: number; first?: number };
    const last = lasts.get(topic);
    if (last !== undefined) seen.missed += first - last - 1;
    lasts.set(topic, seq);
    seen.changes += 1;
    seen.covered += seq - first + 1;
    if (first !== seq) seen.merged += 1;
  });
  socket.on('error', () => undefined);
  socket.on('close', (code) => {
    seen.closedWith = code;
  });
  socket.pause();
  return {
    async end() {
      socket.resume();
      for (const until = performance.now() + CATCH_UP_MS; performance.now() < until; ) {
        await wait(100);
        if (seen.merged > 0 || seen.closedWith > 0) break;
      }
      await wait(500);
      return seen;
    },
  };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
