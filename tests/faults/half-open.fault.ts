import { readdir } from 'node:fs/promises';
import type { DeviceCreated } from '@muster/contract';
import { connectLightMqtt, type LightMqtt, startFaultProxy } from '@muster/testkit';
import { WebSocket } from 'ws';
import type { ServerProcess } from '../../bench/server-process.ts';
import { defineFault } from './define.ts';
import { type BreakableServer, startBreakable } from './rig/breakable-server.ts';
import { metricOf } from './rig/metrics.ts';
import { shortOf } from './rig/stored.ts';
import { pause, until } from './rig/until.ts';

/** Connections that fall silent together, and the devices that they are of. */
const CONNECTIONS = 100;
const KEEP_ALIVE_S = 1;
/** F08: a peer that is gone without a word is noticed within this, ms. */
const NOTICED_MS = 60_000;
/** MQTT: keep-alive × 1.5 (3.1.1, section 3.1.2.10) and a little. */
const MQTT_NOTICED_MS = KEEP_ALIVE_S * 1_500 + 5_000;
/** The server waits so long for the other side to close before it frees a socket, ms. */
const LINGER_MS = 1_300;
const SOCKETS = 20;
/** What may stay after all of them, MB: F08 gives 10 for 5,000 of them. */
const GROWTH_MB = 10;

/**
 * F08: connections whose other side is gone without a word: no FIN, no RST, no answer. Each is noticed and closed, and
 * nothing of it stays: no socket, no file handle, no memory. WebSockets, which are noticed in up to a minute, are part of
 * runs of more than one round only.
 */
export const fault = defineFault({
  name: 'half-open',
  summary: '100 connections a round fall silent without FIN or RST (F08)',
  rounds: 12,
  async run({ rounds, say, signal }) {
    const server = await startBreakable({ inspected: true });
    const wrong: string[] = [];
    const sockets = rounds > 1 ? await openSockets(server.now) : null;
    let checked = 0;
    let slowest = 0;
    try {
      const tokens = await Promise.all(
        Array.from({ length: CONNECTIONS }, (_, nth) => make(server.now, `open ${nth}`)),
      );
      let before = await weigh(server);
      for (let round = 1; round <= rounds && !signal.aborted; round++) {
        const took = await fallSilent(server.now, tokens, round % 2 === 0 ? 'up' : 'both');
        slowest = Math.max(slowest, took);
        if (took > MQTT_NOTICED_MS) wrong.push(`MQTT: noticed after ${Math.round(took)} ms; limit ${MQTT_NOTICED_MS}`);
        checked += CONNECTIONS;
        await pause(LINGER_MS);
        const now = await weigh(server);
        // what the first two rounds made is kept for the next ones: code, pools, names
        if (round <= 2) before = now;
        say(
          `round ${round}: ${CONNECTIONS} silent connections noticed after ${Math.round(took)} ms; ${now.handles} handles, ${now.memoryMb.toFixed(1)} MB of heap`,
        );
      }
      const after = await weigh(server);
      const grown = Math.round((after.memoryMb - before.memoryMb) * 10) / 10;
      if (sockets !== null) {
        const took = await sockets.noticed();
        checked += SOCKETS;
        say(`${SOCKETS} silent WebSockets noticed after ${Math.round(took / 1_000)} s`);
        if (took > NOTICED_MS) wrong.push(`WebSocket: noticed after ${Math.round(took)} ms; limit ${NOTICED_MS}`);
      }
      const handles = after.handles - before.handles;
      const [online] = await server.now.query<{ count: number }>('SELECT count(*) AS count FROM device_presence');
      say(`${checked} connections: ${handles} handles and ${grown} MB more than after the second round`);
      return {
        checked,
        lost: 0,
        doubled: 0,
        short: shortOf(
          ...wrong,
          // the database and clients of the run itself come and go
          handles > 10 && `${handles} handles stayed open`,
          grown > GROWTH_MB && `memory grew by ${grown} MB`,
          online?.count !== 0 && `${online?.count} devices are still shown as connected`,
        ),
        figures: { noticedMs: Math.round(slowest), handlesGrown: handles, memoryGrownMb: grown },
      };
    } finally {
      await sockets?.close();
      await server.end();
    }
  },
});

async function make(server: ServerProcess, name: string): Promise<string> {
  return (await server.call<DeviceCreated>('POST', '/api/devices', { name })).token;
}

/** Opens all of them through a network that then goes dead; gives the ms until the server has closed the last one. */
async function fallSilent(server: ServerProcess, tokens: readonly string[], silent: 'up' | 'both'): Promise<number> {
  const proxy = await startFaultProxy({ host: '127.0.0.1', port: server.mqttPort });
  const clients: LightMqtt[] = [];
  try {
    const begin = tokens.map(async (password) => {
      const client = await connectLightMqtt({
        host: '127.0.0.1',
        port: proxy.port,
        username: 'x',
        password,
        keepAlive: KEEP_ALIVE_S,
        // no pings, and no look at whether the server is there: the server must notice
        after: () => () => undefined,
      });
      clients.push(client);
      await client.subscribe('devices/me/commands');
    });
    await Promise.all(begin);
    proxy.set({ [silent]: { silent: true } });
    const open = (): Promise<number> => metricOf(server, 'muster_mqtt_connections');
    return await until('all are noticed', NOTICED_MS, async () => (await open()) === 0);
  } finally {
    await proxy.close();
    for (const client of clients) client.drop();
  }
}

async function openSockets(server: ServerProcess) {
  const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(server.url).port) });
  const sockets: WebSocket[] = [];
  for (let nth = 0; nth < SOCKETS; nth++) {
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/device/v1/socket`, {
      headers: { authorization: `Bearer ${await make(server, `socket ${nth}`)}` },
    });
    socket.on('error', () => socket.terminate());
    sockets.push(socket);
  }
  const open = (): Promise<number> => metricOf(server, 'muster_device_sockets');
  await until('the sockets are open', 20_000, async () => (await open()) === SOCKETS);
  proxy.set({ both: { silent: true } });
  const since = performance.now();
  return {
    async noticed(): Promise<number> {
      await until('the sockets are noticed', NOTICED_MS * 2, async () => (await open()) === 0, 200);
      return performance.now() - since;
    },
    async close(): Promise<void> {
      for (const socket of sockets) socket.terminate();
      await proxy.close();
    },
  };
}

/** What the server holds: file handles by the kernel's count, and memory after a full collection. */
async function weigh(server: BreakableServer): Promise<{ readonly handles: number; readonly memoryMb: number }> {
  const handles = (await readdir(`/proc/${server.now.pid}/fd`)).length;
  return { handles, memoryMb: await server.heapMb() };
}
