import { Type } from 'typebox';

export const devicesConfig = Type.Object({
  allowSimulated: Type.Boolean({
    default: true,
    description: 'Let devices in that say they are simulated (muster talk is one); false for a fleet of real ones only',
  }),
  knocksPerMinute: Type.Integer({
    minimum: 10,
    maximum: 1_000_000,
    default: 600,
    description: 'Boot requests a minute from one address; a site behind one router shares it',
  }),
  rotationGraceDays: Type.Integer({
    minimum: 1,
    maximum: 90,
    default: 7,
    description: 'How long the old token of a device works when the new one is never used',
  }),
});
