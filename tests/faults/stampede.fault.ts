import { stampede } from '../../bench/stampede/stampede.ts';
import { defineFault } from './define.ts';

const DEVICES = 5_000;
/** What is promised, ms. */
const ALL_CONNECTED_MS = 30_000;
const API_P95_MS = 500;

/**
 * F10: kill -9 of the server with its whole fleet connected. All come back within 30 s of its readiness, people's pages
 * stay quick meanwhile, and no measurement that was acknowledged is lost or there twice.
 */
export const fault = defineFault({
  name: 'stampede',
  summary: `${DEVICES} devices on MQTT and WebSocket lose the server and come back at once (F10)`,
  rounds: 2,
  async run({ rounds, say, signal }) {
    const { checked, lost, doubled, allConnectedMs, apiP95Ms } = await stampede({
      devices: DEVICES,
      webSocketPercent: 20,
      everySeconds: 10,
      rounds,
      say,
      signal,
    });
    const faults = [
      allConnectedMs > ALL_CONNECTED_MS
        ? `the last device was back after ${(allConnectedMs / 1_000).toFixed(1)} s`
        : null,
      apiP95Ms > API_P95_MS ? `the API answered in ${apiP95Ms.toFixed(0)} ms (p95)` : null,
    ].filter((fault) => fault !== null);
    return { checked, lost, doubled, short: faults.length === 0 ? null : faults.join('; ') };
  },
});
