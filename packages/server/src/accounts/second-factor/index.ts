export type { Place } from './passkeys.ts';
export { placeOf } from './place.ts';
export { secondFactorRoutes } from './routes.ts';
export { createSecondFactor, type SecondFactor } from './second-factor.ts';
