import { type CommandState, type Decommission, type Device, FACTORY_RESET, MusterError } from '@muster/contract';
import type { Pool } from 'pg';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import { createDecommissionStore, toDecommission } from './store.ts';

/** Devices that leave for good. */
export interface Decommissions {
  /**
   * Tells a connected device to reset, and gives it `resetMs` to say that it does. Then its keys are wiped and its data is
   * erased in the background, by whatever server is there. CONFLICT when it has begun already.
   */
  begin(device: Device, resetMs: number): Promise<Decommission>;
  /** Null: it was never begun. */
  of(deviceId: string): Promise<Decommission | null>;
  start(): void;
  stop(): Promise<void>;
}

/** What commands do for it. */
export interface Resets {
  /** Sends the device the command to reset; gives its id. */
  send(device: Device, ms: number): Promise<string>;
  /** How these commands went. */
  statesOf(
    commandIds: readonly string[],
  ): Promise<readonly { readonly commandId: string; readonly state: CommandState }[]>;
}

/** What waits for its time, or for a server that died, is looked for so often, ms. */
const LOOK_MS = 2_000;
/** The device has it: it resets, and may not live to say more. */
const TAKEN: ReadonlySet<CommandState> = new Set(['acked', 'confirmed']);
const REFUSED: ReadonlySet<CommandState> = new Set(['rejected', 'failed', 'cancelled']);

export function createDecommissions(deps: {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Logger;
  readonly resets: Resets;
}): Decommissions {
  const { clock, bus, log, resets } = deps;
  const store = createDecommissionStore(deps.pool);
  let working: Promise<void> | null = null;
  let again = false;
  let stopped = false;
  let cancel = (): void => undefined;
  let unsubscribe = (): void => undefined;

  async function work(): Promise<void> {
    const waiting = await store.waiting();
    for (const { commandId, state } of waiting.length === 0 ? [] : await resets.statesOf(waiting)) {
      if (TAKEN.has(state) || REFUSED.has(state)) await store.answered(commandId, TAKEN.has(state), clock.now());
    }
    while (!stopped) {
      const step = await store.step(clock.now());
      if (step === null) return;
      const { row, did } = step;
      if (did === 'wiped') bus.publish('device.revoked', { deviceId: row.device_id, code: 'DEVICE_DECOMMISSIONED' });
      if (did === 'ended') log.info({ deviceId: row.device_id, rows: row.erased_rows }, 'a device was decommissioned');
    }
  }

  function wake(): void {
    if (stopped) return;
    if (working !== null) {
      again = true;
      return;
    }
    cancel();
    working = work()
      .catch((error: unknown) => log.warn({ err: error }, 'a device could not be decommissioned yet; trying again'))
      .finally(() => {
        working = null;
        if (stopped) return;
        if (again) {
          again = false;
          wake();
        } else cancel = clock.after(LOOK_MS, wake);
      });
  }

  return {
    async begin(device, resetMs) {
      const { deviceId, siteId, connected, state } = device;
      const now = clock.now();
      const tells = connected && state === 'active' && resetMs > 0;
      if ((await store.find(deviceId)) !== undefined) throw begun(deviceId);
      const commandId = tells ? await resets.send(device, resetMs) : null;
      const isNew = await store.begin({
        device_id: deviceId,
        site_id: siteId,
        state: 'resetting',
        reset_command_id: commandId,
        next_at: tells ? now + resetMs : now,
        created_at: now,
      });
      if (!isNew) throw begun(deviceId);
      bus.publish('credentials.changed', { deviceId });
      const row = await store.find(deviceId);
      if (row === undefined) throw new MusterError('NOT_FOUND', { deviceId });
      return toDecommission(row);
    },
    async of(deviceId) {
      const row = await store.find(deviceId);
      return row === undefined ? null : toDecommission(row);
    },
    start() {
      const ends = [
        bus.subscribe('credentials.changed', wake),
        bus.subscribe('command.changed', ({ state, name }) => {
          if (name === FACTORY_RESET && (TAKEN.has(state) || REFUSED.has(state))) wake();
        }),
      ];
      unsubscribe = () => {
        for (const end of ends) end();
      };
      wake();
    },
    async stop() {
      stopped = true;
      cancel();
      unsubscribe();
      await working;
    },
  };
}

function begun(deviceId: string): MusterError {
  return new MusterError('CONFLICT', { deviceId }, { say: 'The device is being decommissioned already.' });
}
