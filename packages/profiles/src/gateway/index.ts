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

/** Stands between other devices and the network, and speaks for them. */
export const profile = defineProfile({
  name: 'gateway',
  title: 'Gateway',
  series: {
    devicesConnected: { kind: 'number', unit: '1', title: 'Devices connected to it', min: 0 },
    messagesForwarded: { kind: 'number', unit: '/s', title: 'Messages passed on', min: 0 },
    backlog: { kind: 'number', unit: '1', title: 'Messages that wait in it', min: 0 },
    temperature: { kind: 'number', unit: 'Cel', title: 'Temperature of the processor', min: -40, max: 150 },
    cpuLoad,
    memoryUsed,
    diskUsed,
    signal,
    uptime,
  },
  commands: { 'status.get': statusGet, 'log.pull': logPull, reboot },
  health: {
    silentMs: { warning: 120_000, critical: 600_000 },
    resources: {
      backlog: { bad: 'above', warning: 1_000, critical: 100_000 },
      temperature: { bad: 'above', warning: 80, critical: 95 },
      cpuLoad: loadLimit,
      memoryUsed: loadLimit,
      diskUsed: diskLimit,
      signal: signalLimit,
    },
  },
});
