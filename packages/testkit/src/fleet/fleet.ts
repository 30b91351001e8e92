import { MusterError } from '@muster/contract';
import { profiles } from '@muster/profiles';
import { DEFAULT_BACKOFF } from './backoff.ts';
import { wallClock } from './clock.ts';
import { createCounters, type FleetCounters } from './counters.ts';
import { createSimulatedDevice, type SimulatedDevice } from './device.ts';
import type { BehaviourOptions, FleetDevice, FleetOptions } from './options.ts';
import { createTimerWheel, type TimerWheel } from './timer-wheel.ts';
import { createHttpWire } from './wires/http.ts';
import { createMqttWire } from './wires/mqtt.ts';
import { createWebSocketWire } from './wires/websocket.ts';
import type { Wire, WireName } from './wires/wire.ts';

/** Thousands of simulated devices in one process, on one timer. */
export interface Fleet {
  start(): void;
  /** Ends every device and waits until their connections are closed, at most a second. */
  stop(): Promise<void>;
  readonly counters: FleetCounters;
  /** Messages that wait in the devices. */
  waiting(): number;
  /** Codes of refusals and failed connections, with how often each came. */
  readonly refusals: ReadonlyMap<string, number>;
}

const WATCH_MS = 1_000;
const CLOSE_MS = 1_000;
const DEFAULTS: BehaviourOptions = {
  seed: 'muster',
  messagesPerSecond: 0.1,
  eventsPerHour: 4,
  outbox: 256,
  inFlight: 8,
  commandMs: { least: 50, most: 500 },
  failureShare: 0,
  keepAliveSeconds: 60,
  pollMs: 10_000,
  backoff: DEFAULT_BACKOFF,
};

/** REQUEST_INVALID when a device has a profile or a wire that there is not. */
export function createFleet(options: FleetOptions): Fleet {
  const wheel = createTimerWheel(options.clock ?? wallClock);
  const counters = createCounters();
  const refusals = new Map<string, number>();
  const behaviour: BehaviourOptions = { ...DEFAULTS, ...given(options) };
  const wires = new Map<WireName, Wire>();
  const devices = options.devices.map(create);
  const { connectsPerSecond = 250 } = options;
  let cancelWatch = (): void => undefined;

  function create(device: FleetDevice): SimulatedDevice {
    const profile = profiles.get(device.profile);
    if (profile === undefined) {
      const say = `There is no profile "${device.profile}". There are: ${[...profiles.keys()].join(', ')}.`;
      throw new MusterError('REQUEST_INVALID', { profile: device.profile }, { say });
    }
    return createSimulatedDevice({
      device,
      profile,
      wire: wireOf(device.wire),
      wheel,
      counters,
      options: behaviour,
      onAcked: (...acked) => options.onAcked?.(...acked),
      onRefused: (code) => void refusals.set(code, (refusals.get(code) ?? 0) + 1),
    });
  }

  function wireOf(name: WireName): Wire {
    const known = wires.get(name) ?? openWire(name, options, wheel, behaviour);
    wires.set(name, known);
    return known;
  }

  function watch(): void {
    const now = wheel.monotonic();
    for (const device of devices) device.watch(now);
    cancelWatch = wheel.after(WATCH_MS, watch);
  }

  return {
    counters,
    refusals,
    waiting: () => devices.reduce((sum, device) => sum + device.waiting, 0),
    start() {
      for (const [nth, device] of devices.entries()) {
        wheel.after((nth / connectsPerSecond) * 1_000, () => device.start());
      }
      watch();
    },
    async stop() {
      cancelWatch();
      for (const device of devices) device.stop();
      wheel.stop();
      // farewells leave in this turn of the loop; the sockets close when the server answers
      await new Promise<void>((resolve) => void setTimeout(resolve, Math.min(CLOSE_MS, 50 + devices.length / 10)));
      for (const wire of wires.values()) wire.close();
    },
  };
}

function openWire(
  name: WireName,
  { server, mqtt }: FleetOptions,
  wheel: TimerWheel,
  behaviour: BehaviourOptions,
): Wire {
  switch (name) {
    case 'http':
      return createHttpWire(server, wheel, behaviour.pollMs);
    case 'websocket':
      return createWebSocketWire(server, wheel);
    case 'mqtt':
      if (mqtt === null) throw new MusterError('REQUEST_INVALID', {}, { say: 'The server has no MQTT.' });
      return createMqttWire(mqtt, wheel, behaviour.keepAliveSeconds);
  }
}

/** Only what was given: `undefined` would hide a default. */
function given(options: Partial<BehaviourOptions>): Partial<BehaviourOptions> {
  const known = Object.keys(DEFAULTS) as (keyof BehaviourOptions)[];
  return Object.fromEntries(known.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])));
}
