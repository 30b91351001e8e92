export { type BackoffOptions, backoffMs } from './backoff.ts';
export type { FleetClock } from './clock.ts';
export type { FleetCounters, Histogram } from './counters.ts';
export { createFleet, type Fleet } from './fleet.ts';
export type { BehaviourOptions, FleetDevice, FleetOptions } from './options.ts';
export { fleetProfiles } from './profile-names.ts';
export { type MessageKind, WIRES, type WireName } from './wires/wire.ts';
