/** Time that stands still until a test moves it. The server's and the device's Clock have this shape. */
export interface VirtualClock {
  /** Epoch ms. */
  now(): number;
  /** Ms since the clock was made. */
  monotonic(): number;
  after(ms: number, task: () => void): () => void;
  /**
   * Moves time on by `ms`, running each task when it is due, in order, with time for promises to settle after each.
   * A task may set new ones; those due within the span run too.
   */
  advance(ms: number): Promise<void>;
  /** Sets the time of day as an administrator would: `now` jumps, timers and `monotonic` do not notice. */
  setNow(at: number): void;
  /** Tasks that wait: a test of clean stops expects 0. */
  readonly waiting: number;
}

interface Task {
  readonly dueAt: number;
  readonly run: () => void;
}

/** Saturday, 21 November 2026, 08:00 UTC: some weekday had to be. */
const START = Date.UTC(2026, 10, 21, 8);

export function createVirtualClock(startAt: number = START): VirtualClock {
  const tasks = new Set<Task>();
  let passed = 0;
  let offset = startAt;

  /** The first of those due by `until`; of two due at once the one that was set first. */
  function next(until: number): Task | null {
    let first: Task | null = null;
    for (const task of tasks) if (task.dueAt <= until && (first === null || task.dueAt < first.dueAt)) first = task;
    return first;
  }

  return {
    now: () => offset + passed,
    monotonic: () => passed,
    after(ms, run) {
      const task = { dueAt: passed + Math.max(0, ms), run };
      tasks.add(task);
      return () => void tasks.delete(task);
    },
    async advance(ms) {
      const until = passed + ms;
      await settle();
      for (let task = next(until); task !== null; task = next(until)) {
        tasks.delete(task);
        passed = task.dueAt;
        task.run();
        await settle();
      }
      passed = until;
    },
    setNow(at) {
      offset = at - passed;
    },
    get waiting() {
      return tasks.size;
    },
  };
}

/** Lets promises settle that wait for nothing but each other: setImmediate runs after all of them. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
