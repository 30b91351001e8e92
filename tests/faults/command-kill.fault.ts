import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command, CommandMessage, DeviceCreated } from '@muster/contract';
import { connectLightMqtt, type LightMqtt } from '@muster/testkit';
import { type ServerProcess, STUB_MAIN, startServerProcess } from '../../bench/server-process.ts';
import { defineFault } from './define.ts';

const DEVICES = 20;
const COMMANDS_A_DEVICE = 50;
const DEADLINE_MS = 8_000;
const FINAL = new Set(['confirmed', 'rejected', 'failed', 'expired', 'cancelled', 'unknown']);

/** A device that writes down what it did, and answers late, early, or never. */
interface Doer {
  readonly deviceId: string;
  readonly token: string;
  /** Times each command was carried out: the device itself asks no questions. */
  readonly done: Map<string, number>;
  client: LightMqtt | null;
}

/**
 * F02: kill -9 of the server while commands of class `act` are in all states of their life. None vanishes, none reaches
 * its device twice, and every one has one final state by its deadline.
 */
export const fault = defineFault({
  name: 'command-kill',
  summary: 'kill -9 of the server in the life of 1,000 commands (F02)',
  rounds: 3,
  async run({ rounds, say, signal }) {
    const dataDir = await mkdtemp(join(tmpdir(), 'muster-fault-'));
    const start = (): Promise<ServerProcess> => startServerProcess({ dataDir, main: STUB_MAIN });
    let server = await start();
    let checked = 0;
    let lost = 0;
    let doubled = 0;
    let open = 0;
    try {
      for (let round = 1; round <= rounds && !signal.aborted; round++) {
        const doers = await Promise.all(
          Array.from({ length: DEVICES }, (_, nth) => make(server, `round ${round} ${nth}`)),
        );
        // half of them are there from the beginning, the others come after the kill
        await Promise.all(doers.filter((_, nth) => nth % 2 === 0).map((doer) => connect(doer, server)));
        const accepted: string[] = [];
        // they break off when the server dies
        const sending = doers.map((doer) => send(server, doer, accepted).catch(() => undefined));
        await wait(150 + Math.random() * 500);
        await server.kill9();
        await Promise.all(sending);
        for (const doer of doers) doer.client?.drop();
        server = await start();
        await Promise.all(doers.map((doer) => connect(doer, server)));
        await wait(DEADLINE_MS + 2_000);
        const rows = await server.query<{ command_id: string; state: string }>(
          'SELECT command_id, state FROM commands',
        );
        const states = new Map(rows.map(({ command_id, state }) => [command_id, state]));
        for (const id of accepted) if (!states.has(id)) lost += 1;
        for (const { done } of doers) for (const times of done.values()) if (times > 1) doubled += 1;
        for (const state of states.values()) if (!FINAL.has(state)) open += 1;
        checked += accepted.length;
        const counts = new Map<string, number>();
        for (const id of accepted)
          counts.set(states.get(id) ?? 'gone', (counts.get(states.get(id) ?? 'gone') ?? 0) + 1);
        say(
          `round ${round}: ${accepted.length} accepted: ${[...counts].map(([state, count]) => `${count} ${state}`).join(', ')}`,
        );
        for (const doer of doers) doer.client?.drop();
      }
      return {
        checked,
        lost,
        doubled,
        short: open > 0 ? `${open} commands have no final state after their deadline` : null,
      };
    } finally {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  },
});

async function make(server: ServerProcess, name: string): Promise<Doer> {
  const { device, token } = await server.call<DeviceCreated>('POST', '/api/devices', { name });
  return { deviceId: device.deviceId, token, done: new Map(), client: null };
}

async function connect(doer: Doer, server: ServerProcess): Promise<void> {
  const client = await connectLightMqtt({
    host: '127.0.0.1',
    port: server.mqttPort,
    username: 'x',
    password: doer.token,
    onMessage(_topic, payload) {
      const { commandId } = JSON.parse(payload.toString()) as CommandMessage;
      doer.done.set(commandId, (doer.done.get(commandId) ?? 0) + 1);
      const state = ['confirmed', 'confirmed', 'failed', 'acked', 'silent'][doer.done.size % 5] ?? 'confirmed';
      if (state === 'silent') return;
      const reply = JSON.stringify({ commandId, state });
      setTimeout(
        () => void client.publish('devices/me/commands/reply', reply, 1).catch(() => undefined),
        Math.random() * 300,
      );
    },
  });
  doer.client = client;
  await client.subscribe('devices/me/commands');
}

/** As many commands as the queue of a device takes; those that the server said it has are written down. */
async function send(server: ServerProcess, { deviceId }: Doer, accepted: string[]): Promise<void> {
  for (let nth = 0; nth < COMMANDS_A_DEVICE; nth++) {
    const { commandId } = await server.call<Command>('POST', `/api/devices/${deviceId}/commands`, {
      name: 'step',
      args: { nth },
      deadlineMs: DEADLINE_MS,
    });
    accepted.push(commandId);
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
