import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { encodeFrame } from '@muster/contract';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Identity } from '../identity/identity-file.ts';
import { openSession, type SessionHandlers } from './session.ts';

const IDENTITY: Identity = {
  version: 1,
  hardwareId: '02:00:00:00:00:01',
  clientId: randomUUID(),
  serialNumber: 'MU-1',
  hmacKey: '00'.repeat(32),
  createdAt: 0,
  activatedBy: null,
};
const HELLO = JSON.stringify({ type: 'hello', transport: 'websocket', session_id: 's' });

async function stage(onSocket: (socket: WebSocket) => void) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', onSocket);
  const { port } = server.address() as AddressInfo;
  const seen = { messages: 0, packets: 0 };
  const handlers: SessionHandlers = {
    message: () => {
      seen.messages++;
    },
    audio: () => {
      seen.packets++;
    },
  };
  const stopping = new AbortController();
  const options = { framing: 3 as const, frameMs: 60, ca: undefined, signal: stopping.signal };
  const access = { url: `ws://127.0.0.1:${port}/`, token: '' };
  return {
    seen,
    stopping,
    open: () => openSession(access, IDENTITY, handlers, options),
    close: () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

test('a server that reads too slowly costs frames, not memory', async () => {
  const { open, close } = await stage((socket) => {
    socket.send(HELLO);
    setTimeout(() => socket.pause(), 20);
  });
  const session = await open();
  await new Promise((resolve) => setTimeout(resolve, 60));
  const packet = new Uint8Array(7_000);
  let sent = 0;
  for (let i = 0; i < 10_000 && session.sendAudio(packet); i++) {
    sent++;
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(sent < 10_000, `${sent} of 70 MB were taken`);
  assert.equal(session.send({ type: 'listen' }), false);
  session.close();
  close();
});

test('what comes before hello, or has a header that lies, goes nowhere', async () => {
  const { seen, open, close } = await stage((socket) => {
    socket.send(JSON.stringify({ type: 'tts', state: 'start' }));
    socket.send(encodeFrame(3, Uint8Array.of(1)));
    socket.send(HELLO);
    socket.send(HELLO);
    socket.send(Uint8Array.of(0, 0, 0xff, 0xff, 1));
    socket.send(Uint8Array.of(0));
    socket.send(encodeFrame(3, Uint8Array.of(1)));
    socket.send(JSON.stringify({ type: 'stt', text: 'a' }));
  });
  const session = await open();
  while (seen.messages === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(seen, { messages: 1, packets: 1 });
  assert.ok(session.silentMs() < 5_000);
  session.close();
  close();
});

test('a refused upgrade, a closed door and an abort are told apart', async () => {
  const { open, stopping, close } = await stage((socket) => socket.close(1013, 'busy'));
  await assert.rejects(open(), { code: 'SERVER_UNREACHABLE', context: { code: 1013, reason: 'busy' } });
  close();
  const mute = await stage(() => undefined);
  const opening = assert.rejects(mute.open(), { code: 'SERVER_UNREACHABLE' });
  await new Promise((resolve) => setTimeout(resolve, 50));
  mute.stopping.abort();
  await opening;
  stopping.abort();
  mute.close();
});
