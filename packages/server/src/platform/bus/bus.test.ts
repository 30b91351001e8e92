import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../clock.ts';
import { createLogger } from '../log.ts';
import { createMetrics } from '../metrics.ts';
import { type BusSubject, busCases, reachedSoon } from './contract.fixture.ts';
import { type Bus, createInProcessBus, createNatsBus } from './index.ts';
import { natsMissing, startNats, type TestNats } from './nats-server.fixture.ts';

const log = createLogger('silent');

function suite(make: () => Promise<BusSubject>, isBetween: boolean): void {
  for (const one of busCases) {
    if (one.between === true && !isBetween) continue;
    it(one.name, async () => {
      const subject = await make();
      try {
        await one.run(subject);
      } finally {
        await subject.close();
      }
    });
  }
}

describe('the bus in one process keeps its promises', () =>
  suite(async () => {
    const bus = createInProcessBus(log);
    return { servers: [bus], close: () => bus.close() };
  }, false));

describe('the bus over NATS keeps its promises', { skip: natsMissing() }, () => {
  let nats: TestNats;
  before(async () => {
    nats = await startNats();
  });
  after(() => nats.kill());
  let made = 0;
  suite(async () => {
    made += 1;
    const config = { url: nats.url, subject: `test-${made}` };
    const make = (): Promise<Bus> => createNatsBus({ clock: systemClock, log, metrics: createMetrics(), config });
    const servers = [await make(), await make()] as const;
    await reachedSoon(servers[0], servers[1]);
    await reachedSoon(servers[1], servers[0]);
    return { servers, close: async () => void (await Promise.all(servers.map((bus) => bus.close()))) };
  }, true);
});

/** Ways to break a bus, each with the case that must notice it. */
const NOTICED = {
  laterHere: /in order, when publish returns|own events only|harm nobody|after the end|listener publish/,
  reversed: /in order, when publish returns/,
  throwsThrough: /harm nobody/,
  neverEnds: /after the end/,
  echoes: /own events only/,
  allNames: /own events only|listener publish|whole, once/,
  deaf: /whole, once|hears this process only|at another server|own events only/,
  twice: /whole, once|at another server/,
  saysHere: /whole, once|hears this process only/,
  losesData: /whole, once/,
} as const;
type Flaw = keyof typeof NOTICED;

/** Two servers in one process, with one flaw. */
function flawed(flaw: Flaw | null): BusSubject {
  type Heard = (name: string, event: unknown, origin: 'here' | 'elsewhere') => void;
  const all: Heard[][] = [[], []];
  const tell = (to: readonly Heard[], name: string, event: unknown, origin: 'here' | 'elsewhere'): void => {
    for (const listener of flaw === 'reversed' ? [...to].reverse() : [...to]) {
      try {
        listener(name, event, origin);
      } catch (error) {
        if (flaw === 'throwsThrough') throw error;
      }
    }
  };
  const make = (own: number): Bus => {
    const mine = all[own] ?? [];
    const others = all[1 - own] ?? [];
    return {
      publish(name, event) {
        if (flaw === 'laterHere') setImmediate(() => tell(mine, name, event, 'here'));
        else tell(mine, name, event, 'here');
        if (flaw === 'echoes') tell(mine, name, event, 'elsewhere');
        if (flaw === 'deaf') return;
        const sent = flaw === 'losesData' && name === 'device.event' ? { ...event, data: null } : event;
        for (let left = flaw === 'twice' && name !== 'site.changed' ? 2 : 1; left > 0; left--) {
          tell(others, name, sent, flaw === 'saysHere' ? 'here' : 'elsewhere');
        }
      },
      subscribe(name, listener, hears) {
        const heard: Heard = (said, event, origin) => {
          if (said !== name && flaw !== 'allNames') return;
          if (hears !== 'here' || origin === 'here') listener(event as never, origin);
        };
        mine.push(heard);
        return () => {
          if (flaw !== 'neverEnds' && mine.includes(heard)) mine.splice(mine.indexOf(heard), 1);
        };
      },
      state: () => ({ connected: true, detail: '' }),
      close: async () => undefined,
    };
  };
  return { servers: [make(0), make(1)], close: async () => undefined };
}

describe('the suite of the bus', () => {
  const failing = async (flaw: Flaw | null): Promise<string[]> => {
    const failed: string[] = [];
    await Promise.all(
      busCases.map(async (one) => {
        try {
          await one.run(flawed(flaw));
        } catch {
          failed.push(one.name);
        }
      }),
    );
    return failed;
  };
  it('passes one that keeps its promises', async () => assert.deepEqual(await failing(null), []));
  for (const flaw of Object.keys(NOTICED) as Flaw[]) {
    it(`notices one that is broken: ${flaw}`, async () => {
      const noticed = await failing(flaw);
      assert.ok(noticed.length > 0, 'no case failed');
      assert.match(noticed.join('; '), NOTICED[flaw]);
    });
  }
});
