import type { BackoffOptions } from './backoff.ts';
import type { FleetClock } from './clock.ts';
import type { MessageKind, WireName } from './wires/wire.ts';

/** One device of the fleet: made on the server beforehand, with `simulated: true`. */
export interface FleetDevice {
  readonly deviceId: string;
  readonly token: string;
  /** Name of a profile. */
  readonly profile: string;
  readonly wire: WireName;
}

/** How each device behaves. */
export interface BehaviourOptions {
  /** Makes a run that can be repeated. */
  readonly seed: string;
  /** Messages of measurements of one device; its twin may say otherwise (`interval: {ms}`). */
  readonly messagesPerSecond: number;
  readonly eventsPerHour: number;
  /** Messages that a device keeps while they are not acknowledged, and those on their way at a time. */
  readonly outbox: number;
  readonly inFlight: number;
  /** Time that a command takes, ms: anywhere between. */
  readonly commandMs: { readonly least: number; readonly most: number };
  /** Share of commands that fail. */
  readonly failureShare: number;
  readonly keepAliveSeconds: number;
  /** How long a device waits for its next command over HTTP before it looks at its twin, ms. */
  readonly pollMs: number;
  readonly backoff: BackoffOptions;
}

export interface FleetOptions extends Partial<BehaviourOptions> {
  /** `http://127.0.0.1:8080`. */
  readonly server: string;
  /** Where MQTT is; null when no device of the fleet uses it. */
  readonly mqtt: { readonly host: string; readonly port: number } | null;
  readonly devices: readonly FleetDevice[];
  /** How fast devices begin, so that the start is no stampede of its own. */
  readonly connectsPerSecond?: number;
  readonly clock?: FleetClock;
  /** A message was acknowledged: for whoever compares that with what was stored. */
  readonly onAcked?: (device: FleetDevice, kind: MessageKind, body: object) => void;
}
