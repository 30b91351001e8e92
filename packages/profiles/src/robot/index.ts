import { Type } from 'typebox';
import { defineProfile } from '../define.ts';
import {
  battery,
  cpuLoad,
  ledSet,
  loadLimit,
  logPull,
  memoryUsed,
  signal,
  signalLimit,
  statusGet,
  uptime,
} from '../everyday.ts';

/**
 * Moves by itself. Whatever moves or stops it is not among these commands: that needs a lease and goes a way of its
 * own, which no queue holds up.
 */
export const profile = defineProfile({
  name: 'robot',
  title: 'Robot',
  series: {
    position: { kind: 'position', unit: null, title: 'Position' },
    x: { kind: 'number', unit: 'm', title: 'X on its map' },
    y: { kind: 'number', unit: 'm', title: 'Y on its map' },
    heading: { kind: 'number', unit: 'deg', title: 'Heading', min: -180, max: 360 },
    speed: { kind: 'number', unit: 'm/s', title: 'Speed', min: -10, max: 10 },
    odometer: { kind: 'number', unit: 'm', title: 'Way gone', min: 0 },
    load: { kind: 'number', unit: 'kg', title: 'Load', min: 0 },
    motorTemperature: { kind: 'number', unit: 'Cel', title: 'Temperature of the motors', min: -40, max: 200 },
    state: { kind: 'string', unit: null, title: 'State' },
    emergencyStop: { kind: 'boolean', unit: null, title: 'Emergency stop pressed' },
    charging: { kind: 'boolean', unit: null, title: 'Charging' },
    battery,
    cpuLoad,
    memoryUsed,
    signal,
    uptime,
  },
  commands: {
    'status.get': statusGet,
    'led.set': ledSet,
    'sound.play': {
      title: 'Make itself heard',
      commandClass: 'act',
      deadlineMs: 5_000,
      args: Type.Object({ name: Type.String({ pattern: '^[a-z0-9-]{1,32}$' }) }, { additionalProperties: false }),
    },
    'log.pull': logPull,
  },
  health: {
    silentMs: { warning: 5_000, critical: 30_000 },
    resources: {
      // it must reach its charger with what is left
      battery: { bad: 'below', warning: 25, critical: 10 },
      motorTemperature: { bad: 'above', warning: 80, critical: 100 },
      cpuLoad: loadLimit,
      memoryUsed: loadLimit,
      signal: signalLimit,
    },
  },
});
