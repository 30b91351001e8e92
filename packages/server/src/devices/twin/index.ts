export { twinRoutes } from './routes.ts';
export type { TwinTables } from './store.ts';
export { createTwins, type Twins } from './twins.ts';
