import { defineBench } from './define.ts';
import { stampede } from './stampede/stampede.ts';

export const bench = defineBench({
  name: 'stampede',
  summary: 'Simulated devices lose the server to kill -9 and come back to it; the API is asked for a page meanwhile',
  options: {
    devices: { default: 5_000, summary: 'simulated devices' },
    websocket: { default: 20, summary: 'percent of them on WebSocket; the others use MQTT' },
    every: { default: 10, summary: 'seconds between two messages of a device' },
    rounds: { default: 2, summary: 'times that the server is killed' },
  },
  goals: { allConnectedMs: { atMost: 30_000 }, apiP95Ms: { atMost: 500 }, lostMessages: { atMost: 0 } },
  async run({ options, progress, signal }) {
    const result = await stampede({
      devices: options.devices,
      webSocketPercent: options.websocket,
      everySeconds: options.every,
      rounds: options.rounds,
      say: (line) => progress(line),
      signal,
    });
    const { allConnectedMs, apiP95Ms, apiFailed, readyMs, checked, lost, fleetKbPerDevice } = result;
    return {
      figures: {
        allConnectedMs,
        apiP95Ms,
        apiFailed,
        readyMs,
        ackedMessages: checked,
        lostMessages: lost,
        fleetKbPerDevice,
      },
    };
  },
});
