import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandReply, MusterError } from '@muster/contract';
import { profiles } from '@muster/profiles';
import { createVirtualClock } from '../virtual-clock.ts';
import { createCounters } from './counters.ts';
import { createSimulatedDevice } from './device.ts';
import type { BehaviourOptions } from './options.ts';
import { createTimerWheel } from './timer-wheel.ts';
import type { Hearer, MessageKind, Verdict, Wire } from './wires/wire.ts';

interface Sent {
  readonly kind: MessageKind;
  readonly body: object;
  /** The server's word. */
  say(verdict: Verdict): void;
  /** The connection broke. */
  breakOff(): void;
}

const ACKED: Verdict = { outcome: 'acked' };
const BEHAVIOUR: BehaviourOptions = {
  seed: 'test',
  messagesPerSecond: 1,
  eventsPerHour: 0,
  outbox: 20,
  inFlight: 4,
  commandMs: { least: 100, most: 100 },
  failureShare: 0,
  keepAliveSeconds: 60,
  pollMs: 1_000,
  backoff: { firstMs: 1_000, mostMs: 8_000 },
};

/** A device on a wire that the test holds, in time that the test moves. */
function rig(options: Partial<BehaviourOptions> = {}) {
  const clock = createVirtualClock();
  const wheel = createTimerWheel(clock);
  const counters = createCounters();
  const sent: Sent[] = [];
  const opens: number[] = [];
  const state = { up: true, answer: true, refusal: new MusterError('SERVER_UNREACHABLE') };
  let hearer: Hearer | null = null;
  const wire: Wire = {
    async open(_caller, listening) {
      opens.push(clock.monotonic());
      if (!state.up) throw state.refusal;
      hearer = listening;
      return {
        send(kind, body) {
          const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
          sent.push({ kind, body, say: resolve, breakOff: () => reject(new MusterError('SERVER_UNREACHABLE')) });
          if (state.answer) resolve(ACKED);
          return promise;
        },
        close: () => undefined,
      };
    },
    close: () => undefined,
  };
  const profile = profiles.get('sensor');
  assert.ok(profile);
  const device = createSimulatedDevice({
    device: { deviceId: 'd', token: 't', profile: 'sensor', wire: 'mqtt' },
    profile,
    wire,
    wheel,
    counters,
    options: { ...BEHAVIOUR, ...options },
    onAcked: () => undefined,
    onRefused: () => undefined,
  });
  const numbers = (): number[] =>
    sent.flatMap(({ kind, body }) => (kind === 'telemetry' ? [(body as { seq: number }).seq] : []));
  const replies = (): CommandReply[] =>
    sent.flatMap(({ kind, body }) => (kind === 'commandReply' ? [body as CommandReply] : []));
  const hear = (): Hearer => {
    assert.ok(hearer !== null);
    return hearer;
  };
  return { clock, wheel, counters, sent, opens, state, device, numbers, replies, hear };
}

const command = (name: string, args: object, commandId = 'c1') => ({
  commandId,
  name,
  args: args as never,
  deadlineAt: 0,
  deadlineMs: 5_000,
  attempt: 1,
});

test('what was not acknowledged is sent again on the next connection, with its old number, in its order', async () => {
  const { clock, device, sent, state, numbers, hear, counters } = rig();
  state.answer = false;
  device.start();
  await clock.advance(10_000);
  assert.equal(sent.length, 4, 'four on their way and no more');
  const before = numbers();
  for (const one of sent) one.breakOff();
  hear().closed(0);
  state.answer = true;
  sent.length = 0;
  await clock.advance(10_000);
  assert.deepEqual(numbers().slice(0, before.length), before);
  const all = numbers();
  assert.deepEqual(
    all,
    [...all].sort((a, b) => a - b),
  );
  assert.equal(new Set(all).size, all.length);
  assert.equal(counters.resent, 4);
  assert.equal(counters.dropped, 0);
  device.stop();
});

test('without a server it keeps so many and drops the oldest, and says how many', async () => {
  const { clock, device, state, counters, numbers } = rig();
  state.up = false;
  device.start();
  await clock.advance(60_000);
  assert.equal(device.waiting, 20);
  const dropped = counters.dropped;
  assert.ok(dropped >= 40, `${dropped}`);
  state.up = true;
  await clock.advance(10_000);
  assert.ok(device.connected);
  assert.ok(Math.min(...numbers()) > clock.now() - 60_000, 'the oldest went');
  device.stop();
});

test('it comes back later and later, never in step, and waits what the server asks for', async () => {
  const { clock, device, state, opens } = rig();
  state.up = false;
  device.start();
  await clock.advance(60_000);
  const tries = opens.length;
  assert.ok(tries >= 8 && tries <= 40, `${tries} tries in a minute`);
  state.refusal = new MusterError('SERVER_UNREACHABLE', { retryAfterMs: 20_000 });
  await clock.advance(10_000);
  const from = opens.length;
  await clock.advance(120_000);
  const waits = opens.slice(from).map((at, nth) => at - (opens[from + nth - 1] ?? 0));
  assert.ok(waits.length >= 2 && Math.min(...waits) >= 20_000, String(waits));
  device.stop();
});

test('a connection whose acknowledgements do not come is given up', async () => {
  const { clock, device, state, opens, wheel } = rig();
  state.answer = false;
  device.start();
  await clock.advance(5_000);
  device.watch(wheel.monotonic());
  assert.equal(opens.length, 1);
  await clock.advance(30_000);
  device.watch(wheel.monotonic());
  assert.equal(device.connected, false);
  await clock.advance(2_000);
  assert.equal(opens.length, 2);
  device.stop();
});

test('a message that is refused for good is dropped, one that is not taken now waits', async () => {
  const { clock, device, sent, state, counters } = rig({ inFlight: 1 });
  state.answer = false;
  device.start();
  await clock.advance(1_500);
  sent[0]?.say({ outcome: 'again', afterMs: 1_000 });
  await clock.advance(100);
  assert.equal(sent.length, 1, 'it pauses');
  await clock.advance(2_500);
  assert.deepEqual(sent[1]?.body, sent[0]?.body);
  sent[1]?.say({ outcome: 'refused', code: 'MESSAGE_INVALID' });
  await clock.advance(100);
  assert.notDeepEqual(sent[2]?.body, sent[0]?.body);
  assert.equal(counters.refused, 1);
  device.stop();
});

test('a command is taken, done once, and answered again when it comes again', async () => {
  const { clock, device, hear, replies, counters } = rig();
  device.start();
  await clock.advance(100);
  hear().command(command('status.get', {}));
  await clock.advance(20);
  assert.deepEqual(
    replies().map(({ state }) => state),
    ['acked'],
  );
  await clock.advance(500);
  assert.deepEqual(
    replies().map(({ state }) => state),
    ['acked', 'confirmed'],
  );
  assert.match(JSON.stringify(replies()[1]?.result), /"simulated":true/);
  hear().command(command('status.get', {}));
  await clock.advance(500);
  assert.deepEqual(
    replies().map(({ state }) => state),
    ['acked', 'confirmed', 'confirmed'],
  );
  assert.equal(counters.commands, 1);
  device.stop();
});

test('what the profile does not know, or with wrong arguments, is rejected; a share fails when it shall', async () => {
  const { clock, device, hear, replies } = rig({ failureShare: 1 });
  device.start();
  await clock.advance(100);
  hear().command(command('fly', {}, 'c1'));
  hear().command(command('interval.set', { ms: 'often' }, 'c2'));
  hear().command(command('status.get', {}, 'c3'));
  await clock.advance(500);
  const ends = replies().filter(({ state }) => state !== 'acked');
  assert.deepEqual(
    ends.map(({ commandId, state, error }) => [commandId, state, error?.code]),
    [
      ['c1', 'rejected', 'COMMAND_UNKNOWN'],
      ['c2', 'rejected', 'COMMAND_INVALID'],
      ['c3', 'failed', 'SIMULATED_FAILURE'],
    ],
  );
  device.stop();
});

test('it says what it is at its start, follows what is desired, and measures as often as that says', async () => {
  const { clock, device, hear, sent, numbers } = rig();
  device.start();
  await clock.advance(100);
  const first = sent.find(({ kind }) => kind === 'twinReport')?.body as { reported: { simulated: boolean } };
  assert.equal(first.reported.simulated, true);
  hear().twinDelta({ version: 1, delta: { colour: 'red', interval: { ms: 100 } } });
  await clock.advance(100);
  assert.deepEqual(sent.filter(({ kind }) => kind === 'twinReport').at(-1)?.body, {
    reported: { colour: 'red', interval: { ms: 100 } },
  });
  const before = numbers().length;
  await clock.advance(5_000);
  assert.ok(numbers().length - before > 30, `${numbers().length - before} in five seconds`);
  device.stop();
});

test('a reboot is confirmed before the device is gone, and it comes back', async () => {
  const { clock, device, hear, replies, opens } = rig();
  device.start();
  await clock.advance(100);
  hear().command(command('reboot', {}));
  await clock.advance(300);
  assert.equal(replies().at(-1)?.state, 'confirmed');
  await clock.advance(500);
  assert.equal(device.connected, false);
  await clock.advance(10_000);
  assert.equal(device.connected, true);
  assert.equal(opens.length, 2);
  device.stop();
});

test('stopped, it keeps no timer', async () => {
  const { clock, device, wheel } = rig();
  device.start();
  await clock.advance(5_000);
  device.stop();
  wheel.stop();
  assert.equal(clock.waiting, 0);
});
