export { type Alerts, type AlertsDeps, createAlerts } from './alerts.ts';
export { alertsConfig } from './config.ts';
export type { LatestPoint } from './engine/roster.ts';
export { DEFAULT_LIMITS, type HealthLimits } from './health/facts.ts';
export { alertRoutes } from './routes.ts';
