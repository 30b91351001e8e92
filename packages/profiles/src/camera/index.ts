import { Type } from 'typebox';
import { defineProfile } from '../define.ts';
import {
  cpuLoad,
  diskLimit,
  diskUsed,
  loadLimit,
  logPull,
  memoryUsed,
  reboot,
  signal,
  signalLimit,
  statusGet,
  uptime,
} from '../everyday.ts';

/** Counts what passes; it sends numbers, no pictures. */
export const profile = defineProfile({
  name: 'camera',
  title: 'Camera',
  series: {
    peopleIn: { kind: 'number', unit: '1', title: 'People who came in', min: 0 },
    peopleOut: { kind: 'number', unit: '1', title: 'People who went out', min: 0 },
    occupancy: { kind: 'number', unit: '1', title: 'People in view', min: 0 },
    fps: { kind: 'number', unit: '/s', title: 'Pictures looked at in a second', min: 0, max: 240 },
    inference: { kind: 'number', unit: 'ms', title: 'Time to look at one picture', min: 0 },
    blurred: { kind: 'boolean', unit: null, title: 'Out of focus or covered' },
    temperature: { kind: 'number', unit: 'Cel', title: 'Temperature of the processor', min: -40, max: 150 },
    cpuLoad,
    memoryUsed,
    diskUsed,
    signal,
    uptime,
  },
  commands: {
    'status.get': statusGet,
    'counting.set': {
      title: 'Switch counting on or off',
      commandClass: 'set',
      deadlineMs: 10_000,
      args: Type.Object({ on: Type.Boolean() }, { additionalProperties: false }),
    },
    'counters.reset': {
      title: 'Begin counting at nought',
      commandClass: 'act',
      deadlineMs: 10_000,
      args: Type.Object({}, { additionalProperties: false }),
    },
    'log.pull': logPull,
    reboot,
  },
  health: {
    silentMs: { warning: 120_000, critical: 600_000 },
    resources: {
      fps: { bad: 'below', warning: 5, critical: 1 },
      temperature: { bad: 'above', warning: 80, critical: 95 },
      cpuLoad: { bad: 'above', warning: 90, critical: 99 },
      memoryUsed: loadLimit,
      diskUsed: diskLimit,
      signal: signalLimit,
    },
  },
});
