export { createDecommissions, type Decommissions } from './decommissions.ts';
export { decommissionRoutes } from './routes.ts';
