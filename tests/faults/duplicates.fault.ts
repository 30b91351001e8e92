import type { Command, CommandMessage, DeviceCreated } from '@muster/contract';
import { connectLightMqtt } from '@muster/testkit';
import type { ServerProcess } from '../../bench/server-process.ts';
import { defineFault } from './define.ts';
import { startBreakable } from './rig/breakable-server.ts';
import { metricOf } from './rig/metrics.ts';
import { type Repeater, repeatOverHttp, repeatOverMqtt, repeatOverSocket, type Sent } from './rig/repeaters.ts';
import { shortOf } from './rig/stored.ts';
import { pause, until } from './rig/until.ts';

const REPEATERS: readonly { readonly wire: string; readonly send: Repeater }[] = [
  { wire: 'mqtt', send: repeatOverMqtt },
  { wire: 'http', send: repeatOverHttp },
  { wire: 'socket', send: repeatOverSocket },
];
const MESSAGES = 120;
/** Messages change places with others at most so far from them. */
const WINDOW = 10;
const COMMANDS = 10;
/** A command that nobody answers ends so soon, ms. */
const SHORT_MS = 1_000;

/**
 * F12: messages repeated with and without DUP, out of order, replayed with another value, posted again after a cut
 * answer; answers to commands repeated, contradicting, late and of another device. Each is stored once with its first
 * value, whatever its order; a command keeps its first end and is carried out once, however often it was asked for.
 */
export const fault = defineFault({
  name: 'duplicates',
  summary: 'repeated, reordered and replayed messages, requests and answers over every wire (F12)',
  rounds: 10,
  async run({ rounds, say, signal }) {
    const server = await startBreakable();
    let checked = 0;
    let lost = 0;
    let doubled = 0;
    let repeats = 0;
    const wrong: string[] = [];
    try {
      for (let round = 1; round <= rounds && !signal.aborted; round++) {
        for (const { wire, send } of REPEATERS) {
          for (const timed of [true, false]) {
            const { device, token } = await make(server.now, `${wire} ${round} ${timed}`);
            const messages = shuffled(MESSAGES, timed);
            repeats += await send(server.now, token, messages);
            const found = await compare(server.now, device.deviceId, messages);
            checked += messages.length;
            lost += found.lost;
            doubled += found.doubled;
            if (found.changed > 0) wrong.push(`${found.changed} values of ${wire} were changed by a replay`);
            if (!found.latestIsNewest) wrong.push(`the latest value of ${wire} is not the newest`);
          }
        }
        const commands = await answerAgain(server.now, round);
        checked += commands.checked;
        doubled += commands.doubled;
        wrong.push(...commands.wrong);
        say(`round ${round}: ${checked} checked, ${repeats} repeats so far; ${lost} lost, ${doubled} doubled`);
      }
      const told = await metricOf(server.now, 'muster_telemetry_duplicates_total');
      // a repeat whose request was cut before it was read was never there
      if (told === 0 || told > repeats) wrong.push(`${told} repeats were counted of ${repeats}`);
      say(`the server counted ${told} repeated messages`);
      return { checked, lost, doubled, short: shortOf(...new Set(wrong)) };
    } finally {
      await server.end();
    }
  },
});

async function make(server: ServerProcess, name: string): Promise<DeviceCreated> {
  return server.call<DeviceCreated>('POST', '/api/devices', { name });
}

/** Numbers from 1, each at most a window away from its place. */
function shuffled(count: number, timed: boolean): Sent[] {
  const begin = Date.now() - count * 10;
  return Array.from({ length: count }, (_, nth) => ({
    seq: nth + 1,
    value: Math.round(Math.random() * 1e6),
    at: timed ? begin + nth * 10 : null,
  }))
    .map((one, nth) => ({ one, place: nth + Math.random() * WINDOW }))
    .sort((a, b) => a.place - b.place)
    .map(({ one }) => one);
}

async function compare(server: ServerProcess, deviceId: string, messages: readonly Sent[]) {
  const rows = await server.query<{ seq: number; at: number; value: number }>(
    'SELECT seq, at, num AS value FROM points_90 JOIN series USING (series_id) WHERE device_id = $1 ORDER BY at',
    [deviceId],
  );
  const [latest] = await server.query<{ value: number }>(
    'SELECT num AS value FROM latest JOIN series USING (series_id) WHERE device_id = $1',
    [deviceId],
  );
  const times = new Map<number, number>();
  for (const { seq } of rows) times.set(seq, (times.get(seq) ?? 0) + 1);
  const sent = new Map(messages.map((one) => [one.seq, one]));
  const timed = messages[0]?.at != null;
  // by the clock of the device: the highest number is the newest, in whatever order they came
  const inOrder = !timed || rows.every(({ seq }, nth) => seq > (rows[nth - 1]?.seq ?? 0));
  // several may have come in the last millisecond
  const newest = rows.filter(({ seq, at }) => (timed ? seq === messages.length : at === rows.at(-1)?.at));
  return {
    lost: messages.filter(({ seq }) => !times.has(seq)).length,
    doubled: [...times.values()].filter((count) => count > 1).length,
    changed: rows.filter(({ seq, value }) => sent.get(seq)?.value !== value).length,
    latestIsNewest: inOrder && newest.some(({ value }) => value === latest?.value),
  };
}

/** Commands whose answers come more than once, contradict each other, come late, or come from somebody else. */
async function answerAgain(server: ServerProcess, round: number) {
  const { device, token } = await make(server, `answers ${round}`);
  const other = await make(server, `stranger ${round}`);
  const done = new Map<string, number>();
  const connection = { host: '127.0.0.1', port: server.mqttPort, username: 'x' };
  const stranger = await connectLightMqtt({ ...connection, password: other.token, version: 5 });
  const client = await connectLightMqtt({
    ...connection,
    password: token,
    onMessage(_topic, payload) {
      const { commandId } = JSON.parse(payload.toString()) as CommandMessage;
      done.set(commandId, (done.get(commandId) ?? 0) + 1);
    },
  });
  const reply = (of: typeof client, commandId: string, state: string): Promise<number> =>
    of.publish('devices/me/commands/reply', JSON.stringify({ commandId, state }), 1);
  const wrong: string[] = [];
  try {
    await client.subscribe('devices/me/commands');
    const late = await ask(server, device.deviceId, `late ${round}`, SHORT_MS);
    const ids: string[] = [];
    for (let nth = 0; nth < COMMANDS; nth++) {
      // asked three times with one key, as after a cut answer: it is one command
      const asked = await Promise.all([0, 1, 2].map(() => askAgain(server, device.deviceId, `${round} ${nth}`)));
      if (new Set(asked).size !== 1) wrong.push('one key made several commands');
      const [commandId = ''] = asked;
      await until('the command comes', 10_000, () => done.has(commandId), 5);
      const refused = await reply(stranger, commandId, 'failed');
      if (refused < 0x80) wrong.push('a device answered the command of another');
      for (const state of ['confirmed', 'confirmed', 'failed', 'acked']) await reply(client, commandId, state);
      ids.push(commandId);
    }
    for (const commandId of ids) {
      const { state } = await server.call<Command>('GET', `/api/commands/${commandId}`);
      if (state !== 'confirmed') wrong.push(`a confirmed command became ${state} by a later answer`);
    }
    await until('the unanswered command ends', 10_000, async () => (await stateOf(server, late)) === 'unknown');
    await reply(client, late, 'confirmed');
    if ((await stateOf(server, late)) !== 'unknown') wrong.push('a late answer changed the end of a command');
    return { checked: ids.length + 1, doubled: [...done.values()].filter((times) => times > 1).length, wrong };
  } finally {
    client.drop();
    stranger.drop();
  }
}

async function stateOf(server: ServerProcess, commandId: string): Promise<string> {
  return (await server.call<Command>('GET', `/api/commands/${commandId}`)).state;
}

async function ask(server: ServerProcess, deviceId: string, key: string, deadlineMs = 20_000): Promise<string> {
  const body = { name: 'step', args: {}, deadlineMs };
  const headers = { 'idempotency-key': key };
  return (await server.call<Command>('POST', `/api/devices/${deviceId}/commands`, body, headers)).commandId;
}

/** A request whose twin is under way is told so, and asks again. */
async function askAgain(server: ServerProcess, deviceId: string, key: string): Promise<string> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask(server, deviceId, key);
    } catch (error) {
      const { code } = (error as { context?: { code?: unknown } }).context ?? {};
      if (code !== 'IDEMPOTENCY_BUSY' || tries >= 50) throw error;
      await pause(20);
    }
  }
}
