import type { Command, CommandMessage, DeviceCreated } from '@muster/contract';
import { FINAL_COMMAND_STATES } from '@muster/contract';
import { connectLightMqtt, type LightMqtt } from '@muster/testkit';
import type { ServerProcess } from '../../bench/server-process.ts';
import { defineFault } from './define.ts';
import { startBreakable } from './rig/breakable-server.ts';
import { shortOf } from './rig/stored.ts';
import { pause, until } from './rig/until.ts';

const DEVICES = 20;
const COMMANDS_A_DEVICE = 50;
/** Those sent before the kill and those sent after it have the same time. */
const DEADLINE_MS = 8_000;
/** The end of a command is written this long after its deadline at the latest, ms. */
const LATE_MS = 2_000;
/** The server is killed after so many commands were taken, and a little later. */
const KILL_AFTER = { least: 100, most: 700 };
const FINAL: ReadonlySet<unknown> = FINAL_COMMAND_STATES;
/** One device in so many never comes: some of its commands are cancelled, the others expire. */
const ABSENT_EVERY = 10;
const CANCELLED = 10;
/** What a device answers, one after the other; `silent` answers nothing and `acked` no more than that. */
const ANSWERS = ['confirmed', 'confirmed', 'failed', 'rejected', 'acked', 'silent'] as const;

/** A device that writes down what it did, and answers late, early, or never. */
interface Doer {
  readonly deviceId: string;
  readonly token: string;
  /** Times each command was carried out: the device itself asks no questions. */
  readonly done: Map<string, number>;
  /** What the server acknowledged: an answer of the device or a cancellation, and when, epoch ms. */
  readonly told: Map<string, { readonly state: string; readonly at: number }>;
  client: LightMqtt | null;
}

interface Row {
  readonly command_id: string;
  readonly device_id: string;
  readonly state: string;
  readonly deadline_at: number;
  readonly ended_at: number | null;
}

/**
 * F02: kill -9 of the server, alone or with its database, while commands of class `act` are in all states of their life.
 * None vanishes, none reaches its device twice, what a device was acknowledged is its end, and every one has one final
 * state by its deadline.
 */
export const fault = defineFault({
  name: 'command-kill',
  summary: 'kill -9 of the server, alone or with its database, in the life of 1,000 commands a round (F02)',
  rounds: 3,
  async run({ rounds, say, signal }) {
    const server = await startBreakable();
    let checked = 0;
    let lost = 0;
    let doubled = 0;
    let open = 0;
    let late = 0;
    let other = 0;
    try {
      for (let round = 1; round <= rounds && !signal.aborted; round++) {
        const doers = await Promise.all(
          Array.from({ length: DEVICES }, (_, nth) => make(server.now, `round ${round} ${nth}`)),
        );
        const present = doers.filter((_, nth) => nth % ABSENT_EVERY !== ABSENT_EVERY - 1);
        const absent = doers.filter((doer) => !present.includes(doer));
        // half of them are there from the beginning, the others come after the kill
        await Promise.all(present.filter((_, nth) => nth % 2 === 0).map((doer) => connect(doer, server.now)));
        const accepted = new Set<string>();
        // they break off when the server dies
        const sending = doers.map((doer) => send(server.now, doer, accepted, COMMANDS_A_DEVICE).catch(() => undefined));
        const enough = KILL_AFTER.least + Math.random() * (KILL_AFTER.most - KILL_AFTER.least);
        await until('commands are taken', 30_000, () => accepted.size >= enough, 5);
        await (round % 2 === 0 ? server.now.killTree9() : server.now.kill9());
        await Promise.all(sending);
        for (const doer of doers) doer.client?.drop();
        const before = accepted.size;
        await server.start();
        await Promise.all(present.map((doer) => connect(doer, server.now)));
        await Promise.all(absent.map((doer) => cancelSome(server.now, doer)));
        // the rest, so that every round has its thousand
        const rest = Math.ceil((DEVICES * COMMANDS_A_DEVICE - before) / present.length);
        await Promise.all(present.map((doer) => send(server.now, doer, accepted, rest)));
        await pause(DEADLINE_MS + LATE_MS + 500);
        const rows = await server.now.query<Row>(
          'SELECT command_id, device_id, state, deadline_at, ended_at FROM commands WHERE device_id = ANY($1)',
          [doers.map(({ deviceId }) => deviceId)],
        );
        const known = new Map(rows.map((row) => [row.command_id, row]));
        for (const id of accepted) if (!known.has(id)) lost += 1;
        for (const { done, told } of doers) {
          for (const times of done.values()) if (times > 1) doubled += 1;
          for (const [id, { state, at }] of told) {
            const row = known.get(id);
            // past the deadline the end was decided without the answer
            if (row?.state !== state && at < (row?.deadline_at ?? 0)) other += 1;
          }
        }
        for (const { state, deadline_at, ended_at } of rows) {
          if (!FINAL.has(state) || ended_at === null) open += 1;
          else if (ended_at > deadline_at + LATE_MS) late += 1;
        }
        checked += rows.length;
        say(`round ${round}: killed after ${before} of ${accepted.size} commands: ${tellStates(rows)}`);
        for (const doer of doers) doer.client?.drop();
      }
      return {
        checked,
        lost,
        doubled,
        short: shortOf(
          open > 0 && `${open} commands have no final state after their deadline`,
          late > 0 && `${late} commands ended later than ${LATE_MS} ms after their deadline`,
          other > 0 && `${other} commands have another state than the one whose answer was acknowledged`,
        ),
      };
    } finally {
      await server.end();
    }
  },
});

function tellStates(rows: readonly Row[]): string {
  const counts = new Map<string, number>();
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
}

async function make(server: ServerProcess, name: string): Promise<Doer> {
  const { device, token } = await server.call<DeviceCreated>('POST', '/api/devices', { name });
  return { deviceId: device.deviceId, token, done: new Map(), told: new Map(), client: null };
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
      const state = ANSWERS[doer.done.size % ANSWERS.length] ?? 'confirmed';
      if (state !== 'silent') setTimeout(() => void answer(doer, client, commandId, state), Math.random() * 300);
    },
  });
  doer.client = client;
  await client.subscribe('devices/me/commands');
}

/** A reply that breaks off is not sent again: the deadline ends the command. */
async function answer(doer: Doer, client: LightMqtt, commandId: string, state: string): Promise<void> {
  const reply = JSON.stringify({ commandId, state });
  const isTold = await client.publish('devices/me/commands/reply', reply, 1).then(
    () => true,
    () => false,
  );
  if (isTold && FINAL.has(state)) doer.told.set(commandId, { state, at: Date.now() });
}

/** The oldest of those that still wait; one whose deadline passes meanwhile has ended. */
async function cancelSome(server: ServerProcess, doer: Doer): Promise<void> {
  const path = `/api/devices/${doer.deviceId}/commands?limit=100`;
  const { commands } = await server.call<{ commands: Command[] }>('GET', path);
  for (const { commandId } of commands.filter(({ state }) => state === 'queued').slice(-CANCELLED)) {
    try {
      const { state } = await server.call<Command>('POST', `/api/commands/${commandId}/cancel`);
      doer.told.set(commandId, { state, at: Date.now() });
    } catch (error) {
      if ((error as { context?: { code?: unknown } }).context?.code !== 'COMMAND_ENDED') throw error;
    }
  }
}

/** Commands for one device; those that the server said it has are written down. */
async function send(server: ServerProcess, { deviceId }: Doer, accepted: Set<string>, count: number): Promise<void> {
  for (let nth = 0; nth < count; nth++) {
    const { commandId } = await server.call<Command>('POST', `/api/devices/${deviceId}/commands`, {
      name: 'step',
      args: { nth },
      deadlineMs: DEADLINE_MS,
    });
    accepted.add(commandId);
  }
}
