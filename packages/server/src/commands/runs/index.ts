export { runRoutes } from './routes.ts';
export { createRuns, type RunRequest, type Runs } from './runs.ts';
