import assert from 'node:assert/strict';
import type { Bus, BusEvents, Origin } from './index.ts';

/** Servers on one bus: one for a driver that reaches nobody else. */
export interface BusSubject {
  readonly servers: readonly [Bus, ...Bus[]];
  close(): Promise<void>;
}

/** NATS may have been away: the slowest pause between two tries is 4 s. */
const WAIT_MS = 10_000;
const siteId = '0198c0de-0000-7000-8000-000000000001';
const deviceId = '0198c0de-0000-7000-8000-000000000002';
const device = { deviceId, siteId };
const at = 1_764_200_000_000;

/** One of each: a new event fails to compile here until it has one. */
const EXAMPLES: { readonly [Name in keyof BusEvents]: BusEvents[Name] } = {
  'device.created': { deviceId },
  'device.connected': device,
  'device.disconnected': { ...device, expected: true },
  'credentials.changed': { deviceId: 'd' },
  'certificates.changed': { siteId },
  'device.changed': { deviceId },
  'device.revoked': { deviceId },
  'session.ended': { userId: 'user' },
  'user.changed': { userId: 'user' },
  'apiKey.removed': { keyId: 'key' },
  'assistant.changed': { siteId },
  'site.changed': { siteId },
  'telemetry.stored': {
    batches: [
      {
        ...device,
        receivedAt: at,
        points: [
          { series: 'temp', kind: 'number', at, value: 21.5 },
          { series: 'at', kind: 'position', at, value: { lat: 1, lon: 2 } },
          { series: 'on', kind: 'boolean', at, value: true },
          { series: 'word', kind: 'string', at, value: 'höher' },
        ],
      },
    ],
  },
  'device.refused': { ...device, code: 'MESSAGE_INVALID', count: 3 },
  'device.event': {
    ...device,
    eventId: 'event',
    name: 'fell',
    level: 'error',
    data: { deep: [{ er: null }] },
    at,
    receivedAt: at,
  },
  'twin.changed': { ...device, half: 'desired', desiredVersion: 2, reportedVersion: 1 },
  'command.queued': { deviceId, commandId: 'command' },
  'command.changed': { ...device, commandId: 'command', name: 'reboot', state: 'sent', runId: 'run', at },
  'run.changed': { runId: 'run', siteId, state: 'running', at },
  'alert.changed': { alertId: 'alert', siteId: null, deviceId: null, severity: 'major', state: 'open', at },
};
const NAMES = Object.keys(EXAMPLES) as (keyof BusEvents)[];

interface Case {
  readonly name: string;
  /** Needs two servers. */
  readonly between?: true;
  run(subject: BusSubject): Promise<void>;
}

/** What a bus promises, whatever its driver. */
export const busCases: readonly Case[] = [
  {
    name: 'has run the listeners of the process, in order, when publish returns',
    async run({ servers: [bus] }) {
      const heard: string[] = [];
      bus.subscribe('site.changed', (event) => void heard.push(`first ${event.siteId}`));
      bus.subscribe('site.changed', (event) => void heard.push(`second ${event.siteId}`));
      bus.publish('site.changed', { siteId: 'a' });
      bus.publish('site.changed', { siteId: 'b' });
      assert.deepEqual(heard, ['first a', 'second a', 'first b', 'second b']);
    },
  },
  {
    name: 'tells a listener its own events only, as from here, and once',
    async run(subject) {
      const [bus] = subject.servers;
      const heard: unknown[] = [];
      bus.subscribe('device.changed', (event, origin) => void heard.push([event, origin]));
      bus.publish('device.revoked', { deviceId: 'other' });
      bus.publish('device.changed', { deviceId });
      // by then an echo would be back
      for (const other of subject.servers.slice(1)) {
        await reached(bus, other);
        await reached(other, bus);
      }
      assert.deepEqual(heard, [[{ deviceId }, 'here']]);
    },
  },
  {
    name: 'lets a listener that throws harm nobody',
    async run({ servers: [bus] }) {
      const heard: string[] = [];
      bus.subscribe('site.changed', () => assert.fail('a fault of this listener'));
      bus.subscribe('site.changed', (event) => void heard.push(event.siteId));
      bus.publish('site.changed', { siteId: 'a' });
      assert.deepEqual(heard, ['a']);
    },
  },
  {
    name: 'tells nothing after the end of a subscription, and ends it once',
    async run({ servers: [bus] }) {
      const heard: string[] = [];
      const end = bus.subscribe('site.changed', () => void heard.push('ended'));
      bus.subscribe('site.changed', () => void heard.push('open'));
      end();
      end();
      bus.publish('site.changed', { siteId });
      assert.deepEqual(heard, ['open']);
    },
  },
  {
    name: 'lets a listener publish',
    async run({ servers: [bus] }) {
      const heard: string[] = [];
      bus.subscribe('device.changed', () => bus.publish('site.changed', { siteId }));
      bus.subscribe('site.changed', () => void heard.push('site'));
      bus.publish('device.changed', { deviceId });
      assert.deepEqual(heard, ['site']);
    },
  },
  {
    name: 'brings each kind of event to another server whole, once, in order, as from elsewhere',
    between: true,
    async run(subject) {
      const [from, to] = pair(subject);
      const heard: [string, unknown, Origin][] = [];
      for (const name of NAMES) to.subscribe(name, (event, origin) => void heard.push([name, event, origin]));
      await pointsCross(from, to);
      await reached(from, to);
      heard.length = 0;
      for (const name of NAMES) from.publish(name, EXAMPLES[name] as never);
      await reached(from, to);
      assert.deepEqual(
        heard.slice(0, NAMES.length),
        NAMES.map((name) => [name, EXAMPLES[name], 'elsewhere']),
      );
      assert.ok(heard.slice(NAMES.length).every(([name]) => name === 'site.changed'));
    },
  },
  {
    name: 'tells a listener that hears this process only nothing of others',
    between: true,
    async run(subject) {
      const [from, to] = pair(subject);
      const heard: string[] = [];
      to.subscribe('device.changed', (event, origin) => void heard.push(`${event.deviceId} ${origin}`), 'here');
      from.publish('device.changed', { deviceId: 'a' });
      await reached(from, to);
      to.publish('device.changed', { deviceId: 'b' });
      assert.deepEqual(heard, ['b here']);
    },
  },
  {
    name: 'lets a listener that throws harm nobody at another server',
    between: true,
    async run(subject) {
      const [from, to] = pair(subject);
      const heard: string[] = [];
      to.subscribe('device.changed', () => assert.fail('a fault of this listener'));
      to.subscribe('device.changed', (event) => void heard.push(event.deviceId));
      from.publish('device.changed', { deviceId: 'a' });
      await reached(from, to);
      assert.deepEqual(heard, ['a']);
    },
  },
];

function pair({ servers }: BusSubject): readonly [Bus, Bus] {
  const [from, to] = servers;
  assert.ok(to !== undefined);
  return [from, to];
}

let marks = 0;
/** Waits until `to` has heard whatever `from` published before. */
export async function reached(from: Bus, to: Bus): Promise<void> {
  marks += 1;
  const mark = `mark-${marks}`;
  let isThere = false;
  const end = to.subscribe('site.changed', (event) => {
    if (event.siteId === mark) isThere = true;
  });
  try {
    from.publish('site.changed', { siteId: mark });
    await until('an event comes from the other server', () => isThere);
  } finally {
    end();
  }
}

/** The same for servers of which one has only just begun, or begun again, and hears nothing yet. */
export async function reachedSoon(from: Bus, to: Bus): Promise<void> {
  let isThere = false;
  const end = to.subscribe('site.changed', (_event, origin) => {
    isThere ||= origin === 'elsewhere';
  });
  try {
    await until('the servers hear each other', () => {
      if (!isThere) from.publish('site.changed', { siteId: 'anybody there' });
      return isThere;
    });
  } finally {
    end();
  }
  await reached(from, to);
}

/** Waits until measurements cross: another server must have said that it wants them. */
async function pointsCross(from: Bus, to: Bus): Promise<void> {
  let count = 0;
  const end = to.subscribe('telemetry.stored', () => {
    count += 1;
  });
  try {
    await until('measurements cross', () => {
      from.publish('telemetry.stored', EXAMPLES['telemetry.stored']);
      return count > 0;
    });
  } finally {
    end();
  }
}

/** Waits until it holds. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + WAIT_MS;
  while (!holds()) {
    assert.ok(performance.now() < end, `not within ${WAIT_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
