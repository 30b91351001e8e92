import type { DeviceLinks } from '../devices/index.ts';
import type { Bus } from '../platform/bus/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';

/**
 * Finds in the database what the bus did not bring: commands that another server stored for devices of this one, and
 * ends of commands that somebody here waits for. Does nothing for a server that is alone.
 */
export interface Missed {
  start(): void;
  stop(): Promise<void>;
}

/** How often it is looked, ms: also while the bus is there, because the other server may have lost it. */
const AWAY_MS = 2_000;
const PRESENT_MS = 5_000;
/** Ids of one query. */
const PAGE = 1_000;

export function createMissed(deps: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: Bus;
  readonly links: DeviceLinks;
  /** Of these devices, those that have a command that has not ended. */
  readonly openFor: (deviceIds: readonly string[]) => Promise<ReadonlyMap<string, true>>;
  readonly onOpen: (deviceId: string) => void;
  /** Commands whose end somebody waits for. */
  readonly waitedFor: () => readonly string[];
  readonly endedOf: (commandIds: readonly string[]) => Promise<readonly string[]>;
  readonly onEnded: (commandId: string) => void;
}): Missed {
  const { clock, log, bus } = deps;
  let cancel = (): void => undefined;
  let looking: Promise<void> = Promise.resolve();
  let stopped = false;

  async function look(): Promise<void> {
    for (const page of pages([...deps.links.deviceIds()])) {
      for (const deviceId of (await deps.openFor(page)).keys()) deps.onOpen(deviceId);
    }
    for (const page of pages(deps.waitedFor())) {
      for (const commandId of await deps.endedOf(page)) deps.onEnded(commandId);
    }
  }

  function plan(): void {
    const state = bus.state();
    if (stopped || state === null) return;
    cancel = clock.after(state.connected ? PRESENT_MS : AWAY_MS, () => {
      looking = look()
        .catch((error: unknown) => log.warn({ err: error }, 'commands of other servers could not be looked for'))
        .finally(plan);
    });
  }

  return {
    start: plan,
    async stop() {
      stopped = true;
      cancel();
      await looking;
    },
  };
}

function* pages(ids: readonly string[]): Generator<readonly string[]> {
  for (let at = 0; at < ids.length; at += PAGE) yield ids.slice(at, at + PAGE);
}
