export { createIncidents, type Incidents } from './incidents.ts';
export { incidentRoutes } from './routes.ts';
