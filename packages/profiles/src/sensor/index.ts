import { defineProfile } from '../define.ts';
import { battery, batteryLimit, intervalSet, logPull, reboot, signal, signalLimit, statusGet } from '../everyday.ts';

/** Measures its surroundings and says so every minute or so. */
export const profile = defineProfile({
  name: 'sensor',
  title: 'Sensor',
  series: {
    temperature: { kind: 'number', unit: 'Cel', title: 'Temperature', min: -60, max: 150 },
    humidity: { kind: 'number', unit: '%', title: 'Relative humidity', min: 0, max: 100 },
    pressure: { kind: 'number', unit: 'hPa', title: 'Air pressure', min: 300, max: 1_200 },
    co2: { kind: 'number', unit: '[ppm]', title: 'Carbon dioxide', min: 0, max: 40_000 },
    illuminance: { kind: 'number', unit: 'lx', title: 'Light', min: 0, max: 200_000 },
    motion: { kind: 'boolean', unit: null, title: 'Motion' },
    contact: { kind: 'boolean', unit: null, title: 'Contact closed' },
    battery,
    signal,
  },
  commands: { 'status.get': statusGet, 'interval.set': intervalSet, 'log.pull': logPull, reboot },
  health: {
    silentMs: { warning: 300_000, critical: 1_800_000 },
    resources: { battery: batteryLimit, signal: signalLimit },
  },
});
