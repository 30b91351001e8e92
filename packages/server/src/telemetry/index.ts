export { KEEP_DAYS, type TelemetryConfig, telemetryConfig } from './config.ts';
export type { Source } from './points.ts';
export type { Reader, TelemetryQuery } from './reader.ts';
export { telemetryRoutes } from './routes.ts';
export type { SeriesUnits } from './series.ts';
export { createTelemetry, type Telemetry, type TelemetryDeps } from './telemetry.ts';
export { type TransferDeps, transferRoutes } from './transfer/routes.ts';
