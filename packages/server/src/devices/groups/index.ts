export { createGroups, type Groups } from './groups.ts';
export { groupRoutes } from './routes.ts';
