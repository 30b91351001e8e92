export type { Bus, Origin } from './bus.ts';
export type { BusEvents, StoredPoints } from './events.ts';
export { createInProcessBus } from './in-process.ts';
