/** Spans in ms, kept as counts in steps of a quarter of a doubling: within 19 % of the proper value, from 0.1 ms to 20 min. */
export interface Histogram {
  add(ms: number): void;
  readonly count: number;
  /** The span that the share `p` (0 to 1) of all stayed under, ms; null when there is none. */
  percentile(p: number): number | null;
}

const STEPS = 96;
const LEAST_MS = 0.1;

export function createHistogram(): Histogram {
  const counts = new Uint32Array(STEPS);
  let count = 0;
  return {
    add(ms) {
      const step = Math.ceil(4 * Math.log2(Math.max(ms, LEAST_MS) / LEAST_MS));
      const at = Math.min(STEPS - 1, step);
      counts[at] = (counts[at] ?? 0) + 1;
      count += 1;
    },
    get count() {
      return count;
    },
    percentile(p) {
      if (count === 0) return null;
      let left = p * count;
      for (let at = 0; at < STEPS; at++) {
        left -= counts[at] ?? 0;
        if (left <= 0) return LEAST_MS * 2 ** (at / 4);
      }
      return LEAST_MS * 2 ** ((STEPS - 1) / 4);
    },
  };
}

/** What a fleet did since it was made. `connected` is how many are there now. */
export interface FleetCounters {
  connected: number;
  /** Times that a connection was made, and that one was lost or not got. */
  connects: number;
  failures: number;
  /** Messages that left for the first time, those that were acknowledged, and those that left again. */
  sent: number;
  acked: number;
  resent: number;
  /** Messages that no longer fitted into an outbox: gone. */
  dropped: number;
  /** Messages that the server refused for good. */
  refused: number;
  /** Commands that came, and how they were answered. */
  commands: number;
  confirmed: number;
  rejected: number;
  failed: number;
  /** Changes to twins that came from the server and were taken over. */
  deltas: number;
  /** From the sending of a message to its acknowledgement. */
  readonly ackMs: Histogram;
  /** From the CONNECT, or the first request, to being there. */
  readonly connectMs: Histogram;
}

export function createCounters(): FleetCounters {
  return {
    connected: 0,
    connects: 0,
    failures: 0,
    sent: 0,
    acked: 0,
    resent: 0,
    dropped: 0,
    refused: 0,
    commands: 0,
    confirmed: 0,
    rejected: 0,
    failed: 0,
    deltas: 0,
    ackMs: createHistogram(),
    connectMs: createHistogram(),
  };
}
