import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/**
 * The least that could be done, a process of its own, forked: `ws` alone sends the same frames to the same viewers, made
 * once for all of them, with no device, no database and nobody asked. Tells its parent its port.
 */
export interface BareJob {
  readonly topics: readonly string[];
  readonly perSecond: number;
}

const job = JSON.parse(process.argv[2] ?? '{}') as BareJob;
const viewers = new Map<string, Set<WebSocket>>(job.topics.map((topic) => [topic, new Set()]));
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
await once(server, 'listening');
server.on('connection', (socket) => {
  socket.on('message', (data) => {
    const { topic } = JSON.parse(String(data)) as { topic: string };
    viewers.get(topic)?.add(socket);
    socket.send('{"type":"snapshot","items":[]}');
  });
});
const periodMs = 1_000 / job.perSecond;
for (const [nth, topic] of job.topics.entries()) void send(topic, (nth / job.topics.length) * periodMs);
process.send?.({ port: (server.address() as AddressInfo).port });
process.once('disconnect', () => process.exit(0));

async function send(topic: string, offset: number): Promise<void> {
  const begun = performance.now() + offset;
  for (let seq = 1; ; seq++) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, begun + seq * periodMs - performance.now())));
    const at = Date.now();
    const item = (series: string, value: string): string =>
      `{"series":"${series}","kind":"number","at":${at},"value":${value}}`;
    const sentAt = (performance.timeOrigin + performance.now()).toFixed(3);
    const items = [item('sentAt', sentAt), item('count', `${seq}`), item('load', `${(seq % 100) / 8}`)];
    const frame = Buffer.from(`{"type":"change","topic":"${topic}","seq":${seq},"items":[${items.join(',')}]}`);
    for (const socket of viewers.get(topic) ?? []) socket.send(frame, { binary: false });
  }
}
