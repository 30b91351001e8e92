import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { MusterError } from '@muster/contract';
import { connectLightMqtt, type LightMqtt } from '@muster/testkit';
import { generate } from 'mqtt-packet';
import type { ServerProcess } from '../../../bench/server-process.ts';
import { pause } from './until.ts';
import { openWire, type ServerPlace } from './wires.ts';

/** One message of stream `main`, in the order in which it is sent. */
export interface Sent {
  readonly seq: number;
  readonly value: number;
  /** Epoch ms; null: the message does not say. */
  readonly at: number | null;
}

/** Sends every message at least once and many of them again; gives the number of repeats. */
export type Repeater = (server: ServerProcess, token: string, messages: readonly Sent[]) => Promise<number>;

const TOPIC = 'devices/me/telemetry';
const PATH = '/device/v1/telemetry';
const LANES = 8;

function bodyOf({ seq, value, at }: Sent): object {
  return { stream: 'main', seq, ...(at === null ? {} : { at }), values: { value } };
}

/** The same number with another value: it must change nothing. */
function forged(one: Sent): Sent {
  return { ...one, value: -one.value - 1 };
}

/**
 * Over two connections, the second of which begins in the middle with what the first sent last. Of every three messages
 * one is sent again with its packet id and DUP, one with a new packet id and another value.
 */
export const repeatOverMqtt: Repeater = async ({ mqttPort }, token, messages) => {
  let repeats = 0;
  const middle = Math.floor(messages.length / 2);
  const parts = [messages.slice(0, middle), messages.slice(middle - 10)];
  repeats += 10;
  for (const part of parts) {
    const client = await connectLightMqtt({ host: '127.0.0.1', port: mqttPort, username: 'x', password: token });
    try {
      const acked: number[] = [];
      const all: Promise<unknown>[] = [];
      for (const [nth, one] of part.entries()) {
        const stored = client.publish(TOPIC, JSON.stringify(bodyOf(one)), 1).then(() => acked.push(nth));
        // a replay comes after what it replays: of two under way at a time either may be the first
        const replay = (): Promise<number> => client.publish(TOPIC, JSON.stringify(bodyOf(forged(one))), 1);
        all.push(nth % 3 === 1 ? stored.then(replay) : stored);
        if (nth % 3 === 0) writeDup(client, 40_000 + nth, one);
        if (nth % 3 !== 2) repeats += 1;
      }
      await Promise.all(all);
      // MQTT 5, 4.6: acknowledgements come in the order of the messages
      if (acked.some((nth, place) => nth !== place))
        throw new MusterError('MESSAGE_INVALID', { what: 'order of PUBACK' });
    } finally {
      client.drop();
    }
  }
  return repeats;
};

function writeDup({ socket }: LightMqtt, messageId: number, one: Sent): void {
  const payload = JSON.stringify(bodyOf(one));
  socket.write(generate({ cmd: 'publish', topic: TOPIC, payload, qos: 1, dup: true, retain: false, messageId }));
}

/** Every third request is cut after a moment, with or without its answer, and made again until it is answered. */
export const repeatOverHttp: Repeater = async (server, token, messages) => {
  let repeats = 0;
  const wire = await openWire('http', token, server);
  await inLanes(messages, async (one, nth) => {
    if (nth % 3 === 0) {
      await cutRequest(server, token, JSON.stringify(bodyOf(one)));
      repeats += 1;
    }
    await wire.send('telemetry', bodyOf(one));
    if (nth % 3 === 1) {
      await wire.send('telemetry', bodyOf(forged(one)));
      repeats += 1;
    }
  });
  return repeats;
};

/** Some at a time, the first ones first. */
async function inLanes(messages: readonly Sent[], task: (one: Sent, nth: number) => Promise<void>): Promise<void> {
  const left = [...messages.entries()];
  async function lane(): Promise<void> {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await task(next[1], next[0]);
  }
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function cutRequest({ url }: ServerPlace, token: string, body: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connectTcp({ host: hostname, port: Number(port) });
  socket.on('error', () => socket.destroy());
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  const head = [`POST ${PATH} HTTP/1.1`, `host: ${hostname}`, `authorization: Bearer ${token}`];
  socket.write(`${[...head, `content-length: ${Buffer.byteLength(body)}`].join('\r\n')}\r\n\r\n${body}`);
  await pause(Math.random() * 80);
  socket.destroy();
}

/** Frames with a new id and an old number, all of them under way at once; then a replay of all with other values. */
export const repeatOverSocket: Repeater = async (server, token, messages) => {
  let repeats = 0;
  const wire = await openWire('socket', token, server);
  try {
    for (let from = 0; from < messages.length; from += 20) {
      const all: Promise<void>[] = [];
      for (const one of messages.slice(from, from + 20)) {
        all.push(wire.send('telemetry', bodyOf(one)));
        if (one.seq % 2 === 0) {
          all.push(wire.send('telemetry', bodyOf(one)));
          repeats += 1;
        }
      }
      await Promise.all(all);
    }
    await inLanes(messages, (one) => wire.send('telemetry', bodyOf(forged(one))));
    return repeats + messages.length;
  } finally {
    wire.close();
  }
};
