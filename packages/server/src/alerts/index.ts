export { type Alerts, type AlertsDeps, createAlerts } from './alerts.ts';
export { alertsConfig } from './config.ts';
export { alertRoutes } from './routes.ts';
