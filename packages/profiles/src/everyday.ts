import type { ProfileCommand, ProfileSeries } from '@muster/contract';
import { Type } from 'typebox';

/** Commands and series that most kinds of devices share. */
const nothing = Type.Object({}, { additionalProperties: false });

export const statusGet: ProfileCommand = {
  title: 'Ask how it is',
  commandClass: 'read',
  deadlineMs: 5_000,
  args: nothing,
  result: Type.Object({}, { additionalProperties: true }),
};

/** Never sent twice: the device says that it will, and then is gone. */
export const reboot: ProfileCommand = {
  title: 'Start it anew',
  commandClass: 'act',
  deadlineMs: 10_000,
  args: Type.Object(
    { delayMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 60_000 })) },
    { additionalProperties: false },
  ),
};

export const intervalSet: ProfileCommand = {
  title: 'Say how often it measures',
  commandClass: 'set',
  deadlineMs: 10_000,
  args: Type.Object({ ms: Type.Integer({ minimum: 100, maximum: 86_400_000 }) }, { additionalProperties: false }),
};

export const logPull: ProfileCommand = {
  title: 'Read the last lines of its log',
  commandClass: 'read',
  deadlineMs: 10_000,
  args: Type.Object(
    { lines: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })) },
    { additionalProperties: false },
  ),
  result: Type.Object({ lines: Type.Array(Type.String()) }),
};

export const ledSet: ProfileCommand = {
  title: 'Set its light',
  commandClass: 'set',
  deadlineMs: 5_000,
  args: Type.Object(
    {
      rgb: Type.Optional(Type.String({ pattern: '^#[0-9a-fA-F]{6}$' })),
      mode: Type.Optional(Type.String({ enum: ['off', 'on', 'blink', 'breathe'] })),
      brightness: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, description: 'Percent' })),
    },
    { additionalProperties: false, minProperties: 1 },
  ),
};

export const battery: ProfileSeries = { kind: 'number', unit: '%', title: 'Battery', min: 0, max: 100 };
export const cpuLoad: ProfileSeries = { kind: 'number', unit: '%', title: 'Processor load', min: 0, max: 100 };
export const memoryUsed: ProfileSeries = { kind: 'number', unit: '%', title: 'Memory in use', min: 0, max: 100 };
export const diskUsed: ProfileSeries = { kind: 'number', unit: '%', title: 'Disk in use', min: 0, max: 100 };
/** Level of what it receives: -30 dBm is beside the access point, -90 dBm is hardly there. */
export const signal: ProfileSeries = { kind: 'number', unit: 'dB[mW]', title: 'Signal', min: -120, max: 0 };
export const uptime: ProfileSeries = { kind: 'number', unit: 's', title: 'Time since its start', min: 0 };

export const batteryLimit = { bad: 'below', warning: 20, critical: 5 } as const;
/** The server's own default alerts use the same limits. */
export const loadLimit = { bad: 'above', warning: 80, critical: 95 } as const;
export const diskLimit = { bad: 'above', warning: 80, critical: 95 } as const;
export const signalLimit = { bad: 'below', warning: -80, critical: -90 } as const;
