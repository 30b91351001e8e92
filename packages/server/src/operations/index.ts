export { createReadiness, type Part, type Readiness } from './readiness.ts';
export { operationRoutes } from './routes.ts';
