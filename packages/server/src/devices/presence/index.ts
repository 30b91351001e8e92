export { createPresence, type Presence } from './presence.ts';
export { DEAD_MS, holder, isConnected, type PresenceTables } from './store.ts';
