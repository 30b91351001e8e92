import assertion from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type Bus, type BusEvents, createInProcessBus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { createLogger } from '../../platform/log.ts';
import { createDevices, type DeviceLink } from '../index.ts';

export const log = createLogger('silent');

/** A clock whose timers run when the test says so. */
function handClock(): Clock & { run(ms: number): void; waiting(): number } {
  let passed = 0;
  let tasks: { readonly at: number; readonly task: () => void }[] = [];
  return {
    now: () => Date.now() + passed,
    monotonic: () => performance.now() + passed,
    after(ms, task) {
      const entry = { at: passed + ms, task };
      tasks.push(entry);
      return () => {
        tasks = tasks.filter((one) => one !== entry);
      };
    },
    waiting: () => tasks.length,
    run(ms) {
      passed += ms;
      const due = tasks.filter(({ at }) => at <= passed);
      tasks = tasks.filter(({ at }) => at > passed);
      for (const { task } of due) task();
    },
  };
}

/** Buses of several servers: what one publishes the others hear, as from elsewhere. `cut` loses all of it. */
export function createBuses(count: number): { readonly buses: readonly Bus[]; cut(is: boolean): void } {
  let isCut = false;
  const locals = Array.from({ length: count }, () => createInProcessBus(log));
  const elsewhere = locals.map(() => new Map<string, Set<(event: never, origin: 'elsewhere') => void>>());
  const buses = locals.map(
    (local, own): Bus => ({
      ...local,
      state: () => ({ connected: !isCut, detail: isCut ? 'cut' : 'joined' }),
      publish(name, event) {
        local.publish(name, event);
        if (isCut) return;
        for (const [other, listeners] of elsewhere.entries()) {
          if (other !== own) for (const tell of listeners.get(name) ?? []) tell(event as never, 'elsewhere');
        }
      },
      subscribe<Name extends keyof BusEvents>(
        name: Name,
        listener: (event: BusEvents[Name], origin: 'here' | 'elsewhere') => void,
        hears: 'everywhere' | 'here' = 'everywhere',
      ) {
        const end = local.subscribe(name, listener, hears);
        if (hears === 'here') return end;
        const listeners = elsewhere[own]?.get(name) ?? new Set();
        elsewhere[own]?.set(name, listeners);
        const tell = listener as (event: never, origin: 'elsewhere') => void;
        listeners.add(tell);
        return () => {
          end();
          listeners.delete(tell);
        };
      },
    }),
  );
  return {
    buses,
    cut(is) {
      isCut = is;
    },
  };
}

/** Servers on one database, of which only the devices are there. */
export async function startServers(count: number) {
  const database = await createTestDatabase();
  const siteId = randomUUID();
  await database.pool.query(
    `INSERT INTO sites (site_id, name, kind, language, time_zone, created_at)
     VALUES ($1, 'A', 'home', 'en', 'UTC', 0)`,
    [siteId],
  );
  const { buses, cut } = createBuses(count);
  const servers = buses.map((bus) => {
    const clock = handClock();
    const config = { allowSimulated: true, knocksPerMinute: 1_000, rotationGraceDays: 7 };
    return {
      bus,
      clock,
      devices: createDevices({ db: database.for(), vault: database.vault, clock, bus, log, config }),
    };
  });
  for (const { devices } of servers) await devices.start();
  return { database, siteId, servers, cut };
}
export type TestServers = Awaited<ReturnType<typeof startServers>>;

/** A connection that ends when it is told to, and notes what it was told. */
export function connect(
  server: TestServers['servers'][number],
  device: { readonly deviceId: string; readonly siteId: string },
  { staysOpen = true } = {},
) {
  const told: string[] = [];
  const deltas: unknown[] = [];
  const link: DeviceLink = {
    deviceId: device.deviceId,
    siteId: device.siteId,
    transport: staysOpen ? 'mqtt' : 'xiaozhi',
    staysOpen,
    takes: () => true,
    command: async () => undefined,
    twinDelta: (delta) => void deltas.push(delta),
    close(code) {
      told.push(code);
      end();
    },
  };
  const end = server.devices.links.open(link);
  return { told, deltas, end };
}

/** Waits until it holds; fails after 5 s. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let left = 500; left > 0; left--) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new assertion.AssertionError({ message: `not within 5 s: ${what}` });
}
