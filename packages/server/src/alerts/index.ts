export { type Alerts, type AlertsDeps, createAlerts } from './alerts.ts';
export { alertsConfig } from './config.ts';
export { notifierRoutes } from './outbox/routes.ts';
export { alertRoutes } from './routes.ts';
export { ruleRoutes } from './rulebook/routes.ts';
