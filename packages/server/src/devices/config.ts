import { Type } from 'typebox';

export const devicesConfig = Type.Object({
  allowSimulated: Type.Boolean({
    default: true,
    description: 'Let devices in that say they are simulated (muster talk is one); false for a fleet of real ones only',
  }),
});
