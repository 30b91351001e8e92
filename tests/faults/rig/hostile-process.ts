import { setPriority } from 'node:os';
import { connectLightMqtt, type LightMqtt } from '@muster/testkit';
import { WebSocket } from 'ws';
import { pause } from './until.ts';

/**
 * One device that does all that it should not, as a process of its own, forked: `node hostile-process.ts '{…}'`. It
 * begins when it is told `go`, ends when it is told `rest`, and answers that with what it did. It runs at the lowest
 * priority: a hostile device has a processor of its own, this one shares those of the server.
 */
export interface HostileJob {
  readonly url: string;
  readonly mqttPort: number;
  readonly token: string;
  readonly messagesPerSecond: number;
}

export interface HostileReport {
  readonly sent: number;
  /** Times that the server ended a connection of it, or did not let it in. */
  readonly turnedAway: number;
}

const MEGABYTE = Buffer.from(`{"values":{"x":"${'x'.repeat(1_048_576)}"}}`);
const DEEP = Buffer.from('['.repeat(60_000));
/** As many keys as one message may hold bytes for, and a million. */
const KEYS = Buffer.from(`{"values":{${keys(5_000)}}}`);
const MILLION_KEYS = Buffer.from(`{"values":{${keys(1_000_000)}}}`);
/** Valid, and as many values as fit: the work of the database. */
const HEAVY = Buffer.from(
  `{"points":[${Array.from({ length: 100 }, (_, at) => `{"at":${Date.now() - at},"values":{${keys(60)}}}`).join(',')}]}`,
);
const TINY = Buffer.from('{"values":{"x":1}}');
/** How often a burst of the flood leaves, ms. */
const BURST_MS = 20;
const BACK_MS = 50;

const job = JSON.parse(process.argv[2] ?? '{}') as HostileJob;
setPriority(19);
let active = false;
let sent = 0;
let turnedAway = 0;

process.on('message', (word) => {
  if (word === 'go') active = true;
  if (word === 'rest') {
    active = false;
    process.send?.({ sent, turnedAway } satisfies HostileReport);
    sent = 0;
    turnedAway = 0;
  }
});
process.once('disconnect', () => process.exit(0));

void overMqtt(flood);
void overMqtt((client) => now(client, [DEEP, KEYS, HEAVY, KEYS, DEEP, HEAVY]));
void overMqtt((client) => now(client, [MEGABYTE]));
void overHttp();
void overSocket();
process.send?.('here');

/** Connects again and again, as long as it is active. */
async function overMqtt(act: (client: LightMqtt) => Promise<void>): Promise<void> {
  for (;;) {
    if (!active) {
      await pause(BACK_MS);
      continue;
    }
    try {
      const client = await connectLightMqtt({
        host: '127.0.0.1',
        port: job.mqttPort,
        username: 'x',
        password: job.token,
      });
      while (active && client.open) await act(client);
      if (!client.open) turnedAway += 1;
      client.drop();
    } catch {
      note();
    }
    await pause(BACK_MS);
  }
}

async function flood(client: LightMqtt): Promise<void> {
  for (let count = (job.messagesPerSecond * BURST_MS) / 1_000; count > 0; count--) {
    sent += 1;
    client.publish('devices/me/telemetry', TINY, count % 2 === 0 ? 0 : 1).catch(note);
  }
  await pause(BURST_MS);
}

/** Without waiting for an answer, but no faster than the socket takes it. */
async function now(client: LightMqtt, messages: readonly Buffer[]): Promise<void> {
  for (const message of messages) {
    sent += 1;
    client.publish('devices/me/telemetry', message, 1).catch(note);
  }
  while (active && client.open && client.socket.writableLength > 1_048_576) await pause(BACK_MS);
  await pause(5);
}

async function overHttp(): Promise<void> {
  for (;;) {
    if (!active) {
      await pause(BACK_MS);
      continue;
    }
    await Promise.all([KEYS, DEEP, MEGABYTE, HEAVY, MILLION_KEYS, TINY, TINY, TINY].map(post));
  }
}

async function post(body: Buffer): Promise<void> {
  sent += 1;
  try {
    const reply = await fetch(`${job.url}/device/v1/telemetry`, {
      method: 'POST',
      headers: { authorization: `Bearer ${job.token}` },
      body: new Uint8Array(body),
      signal: AbortSignal.timeout(10_000),
    });
    await reply.arrayBuffer();
    if (!reply.ok) turnedAway += 1;
  } catch {
    note();
  }
}

async function overSocket(): Promise<void> {
  for (;;) {
    if (!active) {
      await pause(BACK_MS);
      continue;
    }
    const socket = new WebSocket(`${job.url.replace('http', 'ws')}/device/v1/socket`, {
      headers: { authorization: `Bearer ${job.token}` },
      perMessageDeflate: false,
    });
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.once('error', () => {
        note();
        socket.terminate();
      });
      socket.once('open', () => {
        for (let count = 0; count < 500; count++) socket.send('{"type":"telemetry","id":1,"values":{"x":1}}');
        for (const message of [KEYS, DEEP, MEGABYTE]) socket.send(message, { binary: false });
        sent += 503;
        setTimeout(() => socket.terminate(), 1_000);
      });
    });
    await pause(BACK_MS);
  }
}

/** It was not let in, or thrown out: that is what should happen. */
function note(): void {
  turnedAway += 1;
}

function keys(count: number): string {
  return Array.from({ length: count }, (_, nth) => `"k${nth}":1`).join(',');
}
