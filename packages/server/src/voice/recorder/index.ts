export { createRecorder, type Recorder } from './recorder.ts';
export { turnRoutes } from './routes.ts';
export type { TurnTables } from './store.ts';
