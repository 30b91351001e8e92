export type { Place } from './passkeys.ts';
export { placeOf, placeOrNull } from './place.ts';
export { secondFactorRoutes } from './routes.ts';
export { createSecondFactor, type SecondFactor } from './second-factor.ts';
