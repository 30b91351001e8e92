import {
  type CommandMessage,
  codeOf,
  type JsonObject,
  MusterError,
  type Profile,
  type TwinDelta,
} from '@muster/contract';
import { backoffMs } from './backoff.ts';
import type { FleetCounters } from './counters.ts';
import { createMeasuring } from './measuring.ts';
import { createObedience } from './obedience.ts';
import type { BehaviourOptions, FleetDevice } from './options.ts';
import { shownAfter } from './orders.ts';
import { createOutbox, type Entry } from './outbox.ts';
import { createRandom } from './random.ts';
import type { TimerWheel } from './timer-wheel.ts';
import type { Link, MessageKind, Verdict, Wire } from './wires/wire.ts';

/** One device that lives: it measures, comes back when it lost its server, and does what it is told. */
export interface SimulatedDevice {
  start(): void;
  /** Ends it; what was not acknowledged is forgotten. */
  stop(): void;
  /** Gives a connection up whose acknowledgements do not come. */
  watch(now: number): void;
  readonly connected: boolean;
  /** Messages that wait for their acknowledgement, or to be sent. */
  readonly waiting: number;
}

/** Longest wait for an acknowledgement, ms: the server itself gives up after 20 s. */
const ACK_MS = 30_000;
const LEAST_INTERVAL_MS = 100;
const REBOOT_MS = 2_000;
/** After a token was refused there is no hurry: a person must act. */
const REFUSED_MS = 30_000;
const STREAM = 'sim';
const EVENTS = [
  { name: 'selfTest.passed', level: 'info' },
  { name: 'button.pressed', level: 'info' },
  { name: 'network.changed', level: 'info' },
  { name: 'memory.low', level: 'warning' },
] as const;

export function createSimulatedDevice(deps: {
  readonly device: FleetDevice;
  readonly profile: Profile;
  readonly wire: Wire;
  readonly wheel: TimerWheel;
  readonly counters: FleetCounters;
  readonly options: BehaviourOptions;
  readonly onAcked: (device: FleetDevice, kind: MessageKind, body: object) => void;
  readonly onRefused: (code: string) => void;
}): SimulatedDevice {
  const { device, profile, wire, wheel, counters, options } = deps;
  const random = createRandom(`${options.seed} ${device.deviceId}`);
  const measuring = createMeasuring(profile, random);
  const outbox = createOutbox(options.outbox);
  const startedAt = wheel.monotonic();
  // a device without a memory takes a number that is later than any of its life before
  let seq = wheel.now() * 1_000;
  let intervalMs = 1_000 / options.messagesPerSecond;
  let reported: JsonObject = {
    simulated: true,
    profile: profile.name,
    firmware: 'simulated',
    interval: { ms: Math.round(intervalMs) },
  };
  let link: Link | null = null;
  /** Counts connections: what an earlier one still says is nobody's. */
  let attempt = 0;
  let failures = 0;
  let paused = false;
  /** Messages on their way at a time: one after the server had no room, and then one more with each that it takes. */
  let room = options.inFlight;
  let turnedAway = 0;
  let stopped = false;
  let cancelSample = (): void => undefined;
  let cancelConnect = (): void => undefined;
  const obedience = createObedience({
    profile,
    wheel,
    random,
    counters,
    options,
    say: (reply) => say('commandReply', reply),
    facts: () => ({ upMs: wheel.monotonic() - startedAt, reported }),
    done,
  });

  // --- the connection ---------------------------------------------------------------------------------------------

  function connect(): void {
    attempt += 1;
    const mine = attempt;
    const begunAt = wheel.monotonic();
    const gone = (askedMs: number): void => {
      if (mine === attempt && !stopped) lost(askedMs);
    };
    wire.open(device, { command: obedience.command, twinDelta, closed: gone }).then(
      (opened) => {
        if (mine !== attempt || stopped) return opened.close(true);
        link = opened;
        failures = 0;
        counters.connects += 1;
        counters.connected += 1;
        counters.connectMs.add(wheel.monotonic() - begunAt);
        pump();
      },
      (error: unknown) => {
        deps.onRefused(codeOf(error));
        gone(askedOf(error));
      },
    );
  }

  function lost(askedMs: number): void {
    attempt += 1;
    if (link !== null) counters.connected -= 1;
    link = null;
    outbox.rewind();
    counters.failures += 1;
    cancelConnect();
    cancelConnect = wheel.after(backoffMs(failures, askedMs, random, options.backoff), connect);
    failures += 1;
  }

  function giveUp(askedMs: number): void {
    link?.close(true);
    lost(askedMs);
  }

  // --- what it says -----------------------------------------------------------------------------------------------

  function say(kind: MessageKind, body: object): void {
    if (outbox.add(kind, body)) counters.dropped += 1;
    pump();
  }

  function pump(): void {
    while (link !== null && !paused && outbox.onItsWay < room) {
      const entry = outbox.take();
      if (entry === undefined) return;
      send(link, entry);
    }
  }

  function send(over: Link, entry: Entry): void {
    if (entry.tries === 0) counters.sent += 1;
    else counters.resent += 1;
    entry.tries += 1;
    entry.sentAt = wheel.monotonic();
    over.send(entry.kind, entry.body).then(
      (verdict) => settle(over, entry, verdict),
      // the connection ended, which its hearer is told: it leaves again on the next one
      () => undefined,
    );
  }

  function settle(over: Link, entry: Entry, verdict: Verdict): void {
    if (verdict.outcome === 'acked') {
      counters.acked += 1;
      turnedAway = 0;
      room = Math.min(options.inFlight, room + 1);
      counters.ackMs.add(wheel.monotonic() - entry.sentAt);
      outbox.remove(entry);
      deps.onAcked(device, entry.kind, entry.body);
    } else if (verdict.outcome === 'refused') {
      counters.refused += 1;
      deps.onRefused(verdict.code);
      outbox.remove(entry);
    } else if (over === link) {
      outbox.putBack(entry);
      room = 1;
      pause(backoffMs(turnedAway, verdict.afterMs, random, options.backoff));
    }
    pump();
  }

  function pause(ms: number): void {
    if (paused) return;
    paused = true;
    turnedAway += 1;
    wheel.after(ms, () => {
      paused = false;
      pump();
    });
  }

  function sample(): void {
    cancelSample = wheel.after(intervalMs, sample);
    const at = wheel.now();
    seq += 1;
    say('telemetry', { stream: STREAM, seq, at, values: measuring.next(wheel.monotonic() - startedAt) });
    if (random() >= (options.eventsPerHour * intervalMs) / 3_600_000) return;
    const event = EVENTS[Math.floor(random() * EVENTS.length)];
    seq += 1;
    say('event', { stream: STREAM, seq, at, ...event, data: { simulated: true } });
  }

  function report(patch: JsonObject): void {
    reported = Object.fromEntries(Object.entries({ ...reported, ...patch }).filter(([, value]) => value !== null));
    say('twinReport', { reported: patch });
  }

  // --- what it is told --------------------------------------------------------------------------------------------

  /** Takes over every field, and does what it knows: its interval. */
  function twinDelta({ delta }: TwinDelta): void {
    counters.deltas += 1;
    follow(delta);
    report(delta);
  }

  function follow(wanted: JsonObject): void {
    const { interval } = wanted;
    const ms = typeof interval === 'object' && interval !== null && 'ms' in interval ? interval.ms : null;
    if (typeof ms !== 'number' || !(ms >= LEAST_INTERVAL_MS)) return;
    intervalMs = ms;
    cancelSample();
    cancelSample = wheel.after(random() * intervalMs, sample);
  }

  /** A command was done: the twin shows it. */
  function done(message: CommandMessage): void {
    const shown = shownAfter(profile, message);
    if (shown !== null) {
      follow(shown);
      report(shown);
    }
    // it said so first, and is gone for a moment
    if (message.name === 'reboot') wheel.after(REBOOT_MS / 4, () => link !== null && giveUp(REBOOT_MS));
  }

  return {
    start() {
      say('twinReport', { reported });
      cancelSample = wheel.after(random() * intervalMs, sample);
      connect();
    },
    stop() {
      stopped = true;
      cancelSample();
      cancelConnect();
      if (link !== null) counters.connected -= 1;
      link?.close(false);
      link = null;
    },
    watch(now) {
      const oldest = outbox.oldestSentAt();
      if (link !== null && oldest !== null && now - oldest > ACK_MS) giveUp(0);
    },
    get connected() {
      return link !== null;
    },
    get waiting() {
      return outbox.size;
    },
  };
}

/** How long to stay away, ms: what the server said, or long when it does not know us. */
function askedOf(error: unknown): number {
  if (codeOf(error) === 'DEVICE_TOKEN_INVALID') return REFUSED_MS;
  const asked = error instanceof MusterError ? error.context.retryAfterMs : undefined;
  return typeof asked === 'number' ? asked : 0;
}
