import { defineProfile } from '../define.ts';
import { cpuLoad, diskLimit, diskUsed, loadLimit, logPull, memoryUsed, statusGet, uptime } from '../everyday.ts';

/** A computer that serves others; Muster's own server looks at itself with these series too. */
export const profile = defineProfile({
  name: 'server',
  title: 'Server',
  series: {
    cpuLoad,
    memoryUsed,
    diskUsed,
    uptime,
    requests: { kind: 'number', unit: '/s', title: 'Requests', min: 0 },
    requestTime: { kind: 'number', unit: 'ms', title: 'Time to answer (95th percentile)', min: 0 },
    errorShare: { kind: 'number', unit: '%', title: 'Requests that failed', min: 0, max: 100 },
    databaseConnections: { kind: 'number', unit: '%', title: 'Database connections in use', min: 0, max: 100 },
    networkIn: { kind: 'number', unit: 'By/s', title: 'Received', min: 0 },
    networkOut: { kind: 'number', unit: 'By/s', title: 'Sent', min: 0 },
  },
  commands: { 'status.get': statusGet, 'log.pull': logPull },
  health: {
    silentMs: { warning: 60_000, critical: 300_000 },
    resources: {
      cpuLoad: loadLimit,
      memoryUsed: loadLimit,
      diskUsed: diskLimit,
      requestTime: { bad: 'above', warning: 1_000, critical: 5_000 },
      errorShare: { bad: 'above', warning: 5, critical: 20 },
      databaseConnections: { bad: 'above', warning: 80, critical: 95 },
    },
  },
});
