import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { type FaultProxy, startFaultProxy } from './proxy.ts';

/** The far side: keeps what it got, and how each connection ended. */
interface Far {
  readonly sockets: Socket[];
  readonly got: () => string;
  readonly ends: string[];
}

const server = createServer({ allowHalfOpen: true });
let far: Far;
let proxy: FaultProxy;
let clients: Socket[] = [];

server.on('connection', (socket) => {
  far.sockets.push(socket);
  const { ends } = far;
  socket.on('data', (chunk) => received.push(chunk));
  socket.on('end', () => {
    ends.push('end');
    socket.end();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => ends.push(error.code ?? 'error'));
});
let received: Buffer[] = [];

beforeEach(async () => {
  received = [];
  far = { sockets: [], got: () => Buffer.concat(received).toString(), ends: [] };
  if (!server.listening) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  proxy = await startFaultProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  clients = [];
  for (const socket of far.sockets) socket.destroy();
  await proxy.close();
  server.close();
});

interface Near {
  readonly socket: Socket;
  got(): string;
  readonly ends: string[];
}

async function open(): Promise<Near> {
  const before = far.sockets.length;
  const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  clients.push(socket);
  const chunks: Buffer[] = [];
  const ends: string[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('end', () => ends.push('end'));
  socket.on('error', (error: NodeJS.ErrnoException) => ends.push(error.code ?? 'error'));
  socket.on('close', () => ends.push('close'));
  await once(socket, 'connect');
  await until(() => far.sockets.length > before || ends.length > 0);
  return { socket, got: () => Buffer.concat(chunks).toString(), ends };
}

async function until(isSo: () => boolean): Promise<void> {
  for (const begunAt = performance.now(); !isSo(); ) {
    assert.ok(performance.now() - begunAt < 10_000, `got "${far.got().slice(0, 80)}", ends ${far.ends}`);
    await new Promise<void>((resolve) => void setTimeout(resolve, 5));
  }
}

test('without faults everything passes both ways, and so does an end', async () => {
  const { socket, got, ends } = await open();
  const large = 'x'.repeat(1_000_000);
  socket.write(large);
  far.sockets[0]?.write('down');
  await until(() => far.got().length === large.length && got() === 'down');
  socket.end();
  await until(() => far.ends.includes('end') && ends.includes('end'));
  await until(() => proxy.connections() === 0);
});

test('delay: what passes comes later, in its order, and only in the direction that was named', async () => {
  proxy.set({ up: { delayMs: 60, jitterMs: 60 } });
  const { socket, got } = await open();
  const begunAt = performance.now();
  for (const word of ['a', 'b', 'c']) {
    socket.write(word);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  far.sockets[0]?.write('down');
  await until(() => got() === 'down');
  await until(() => far.got() === 'abc');
  assert.ok(performance.now() - begunAt >= 60);
});

test('silent one way: nothing passes there and nobody is told, the other way goes on; switched off, what is new passes', async () => {
  const { socket, got, ends } = await open();
  proxy.set({ up: { silent: true } });
  socket.write('lost');
  far.sockets[0]?.write('down');
  await until(() => got() === 'down');
  assert.equal(far.got(), '');
  proxy.set({});
  socket.write('new');
  await until(() => far.got() === 'new');
  assert.deepEqual([ends, far.ends], [[], []]);
});

test('half-open: one side is gone, and the other is not told', async () => {
  const { socket } = await open();
  proxy.set({ both: { silent: true } });
  const closed = once(socket, 'close');
  socket.destroy();
  await closed;
  // time for a word that must not come
  await new Promise<void>((resolve) => void setTimeout(resolve, 100));
  assert.deepEqual(far.ends, []);
  assert.equal(far.sockets[0]?.destroyed, false);
});

test('slow read: bytes pass at the rate, and the writer feels it', async () => {
  proxy.set({ down: { bytesPerSecond: 20_000 } });
  const { got } = await open();
  const begunAt = performance.now();
  far.sockets[0]?.write('y'.repeat(4_000));
  await until(() => got().length === 4_000);
  assert.ok(performance.now() - begunAt >= 150, 'a fifth of a second at least, bar the last slice');
  // far more than sockets hold by themselves
  const writer = far.sockets[0];
  assert.ok(writer !== undefined);
  writer.write(Buffer.alloc(16_000_000));
  await new Promise<void>((resolve) => void setTimeout(resolve, 100));
  assert.ok(writer.writableLength > 0);
});

test('reset: after so many bytes both sides get one, and no byte more passed', async () => {
  proxy.set({ up: { resetAfter: 5 } });
  const { socket, ends } = await open();
  socket.write('123456789');
  await until(() => ends.includes('close') && far.ends.length > 0);
  assert.ok('12345'.startsWith(far.got()), far.got());
  assert.ok(ends.includes('ECONNRESET'), String(ends));
});

test('truncate: a message is cut in two, and the connection ends in good order', async () => {
  proxy.set({ down: { truncateAfter: 4 } });
  const { got, ends } = await open();
  far.sockets[0]?.write('123456789');
  await until(() => ends.includes('end'));
  assert.equal(got(), '1234');
  assert.ok(!ends.includes('ECONNRESET'), String(ends));
});

test('drop: chunks vanish, and the connection stays', async () => {
  proxy.set({ up: { dropShare: 1 } });
  const { socket, ends } = await open();
  socket.write('hole');
  await new Promise<void>((resolve) => void setTimeout(resolve, 50));
  proxy.set({ up: { dropShare: 0 } });
  socket.write('after');
  await until(() => far.got() === 'after');
  assert.deepEqual(ends, []);
});

test('refuse and reset all', async () => {
  const { ends } = await open();
  proxy.resetAll();
  await until(() => ends.includes('ECONNRESET') && far.ends.includes('ECONNRESET'));
  proxy.set({ refuse: true });
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  clients.push(socket);
  const refused = Promise.withResolvers<string>();
  socket.once('error', (error: NodeJS.ErrnoException) => refused.resolve(error.code ?? ''));
  socket.once('close', () => refused.resolve('closed'));
  assert.match(await refused.promise, /ECONNRESET|closed/);
  assert.equal(proxy.connections(), 0);
});
