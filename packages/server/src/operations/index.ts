export { type SecurityConfig, securityConfig } from './config.ts';
export { createIncidents, type Incidents, incidentRoutes } from './incidents/index.ts';
export { createReadiness, type Part, type Readiness } from './readiness.ts';
export { operationRoutes } from './routes.ts';
export { secretsRoutes } from './secrets-routes.ts';
export { securityTxtRoute } from './security-txt.ts';
