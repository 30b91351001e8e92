import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import { isFinal } from '../life-cycle.ts';
import type { CommandRow } from '../store.ts';
import type { Refusal, RunRow, RunStore, Step } from './store.ts';

/** Keeps the runs going: whenever a command of one ends, the next device has its turn. */
export interface Feed {
  /** The run may go on. Returns at once. */
  wake(runId: string): void;
  /** Tells of what a step changed, after its commit. */
  tell(step: Step): void;
  start(): void;
  stop(): Promise<void>;
}

/** Another server is at the run: looked at again after this, ms. */
const BUSY_MS = 100;
/** All that are running are looked at so often, ms: for those whose server died, and after a start. */
const ROUND_MS = 5_000;

export function createFeed(deps: {
  readonly store: RunStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: Bus;
  readonly prepare: (run: RunRow, deviceId: string) => Promise<CommandRow | Refusal>;
  /** A command that was made is committed: it may leave. */
  readonly onStored: (row: CommandRow) => void;
  readonly onChange: (row: CommandRow) => void;
}): Feed {
  const { store, clock, log, bus } = deps;
  /** Runs to look at; not more than are running. */
  const due = new Set<string>();
  const later = new Map<string, () => void>();
  let working: Promise<void> | null = null;
  let cancelRound = (): void => undefined;
  let stopped = false;

  // a command ends at one server: that one looks whether its run goes on
  bus.subscribe('command.changed', ({ runId, state }, origin) => {
    if (runId !== undefined && origin === 'here' && isFinal(state)) wake(runId);
  });

  function wake(runId: string): void {
    if (stopped) return;
    due.add(runId);
    begin();
  }

  function begin(): void {
    working ??= work().finally(() => {
      working = null;
      // it came after the last look
      if (due.size > 0 && !stopped) begin();
    });
  }

  /** One at a time: a run holds a connection to the database while it is looked at. */
  async function work(): Promise<void> {
    for (const runId of due) {
      if (stopped) return;
      due.delete(runId);
      try {
        const step = await store.step(runId, clock.now(), deps.prepare);
        if (step === 'busy') wakeLater(runId);
        // what was sent before the end goes on to its own: people who look on see the counts
        else if (step === 'ended') await publish(runId);
        else {
          tell(step);
          if (step.again) due.add(runId);
        }
      } catch (error) {
        log.warn({ err: error, runId }, 'a run of commands could not go on; trying again');
        wakeLater(runId);
      }
    }
  }

  function wakeLater(runId: string): void {
    if (stopped || later.has(runId)) return;
    const cancel = clock.after(BUSY_MS, () => {
      later.delete(runId);
      wake(runId);
    });
    later.set(runId, cancel);
  }

  async function publish(runId: string): Promise<void> {
    const run = await store.find(runId);
    if (run === undefined) return;
    bus.publish('run.changed', { runId, siteId: run.siteId, state: run.state, at: clock.now() });
  }

  function tell({ run, made, cancelled }: Step): void {
    for (const row of made) deps.onStored(row);
    for (const row of cancelled) deps.onChange(row);
    const { run_id: runId, site_id: siteId, state } = run;
    bus.publish('run.changed', { runId, siteId, state, at: clock.now() });
  }

  function round(): void {
    store
      .running()
      .then((runIds) => {
        for (const runId of runIds) wake(runId);
      })
      .catch((error: unknown) => log.warn({ err: error }, 'the runs of commands could not be looked at; trying again'))
      .finally(() => {
        if (!stopped) cancelRound = clock.after(ROUND_MS, round);
      });
  }

  return {
    wake,
    tell,
    start: round,
    async stop() {
      stopped = true;
      cancelRound();
      for (const cancel of later.values()) cancel();
      await working;
    },
  };
}
