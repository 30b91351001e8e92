export { publishAfterCommit } from './after-commit.ts';
export type { Bus, Hears, Origin } from './bus.ts';
export { type BusConfig, busConfig } from './config.ts';
export type { BusEvents, StoredPoints } from './events.ts';
export { createInProcessBus } from './in-process.ts';
export { createNatsBus } from './nats.ts';
