import { connect, type Socket } from 'node:net';
import { bug } from '@muster/contract';
import { percentile } from '../report/statistics.ts';

/**
 * A raw HTTP/1.1 load generator, a process of its own: each connection asks again as soon as it has its answer. Requests
 * are made once; of an answer only the status and the length are read. `node load.ts '{"port":8080,…}'`, forked.
 */
export interface HttpJob {
  readonly port: number;
  readonly connections: number;
  /** Asked for in turn. */
  readonly paths: readonly string[];
  readonly token: string;
  readonly warmSeconds: number;
  readonly seconds: number;
}

export interface HttpReport {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);

const job = JSON.parse(process.argv[2] ?? '{}') as HttpJob;
const requests = job.paths.map((path) =>
  Buffer.from(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${job.port}\r\nauthorization: Bearer ${job.token}\r\n\r\n`),
);
let counting = false;
let failed = 0;
let asked = 0;
const times: number[] = [];

const sockets = await Promise.all(Array.from({ length: job.connections }, open));
for (const socket of sockets) ask(socket);
await wait(job.warmSeconds);
counting = true;
const begun = performance.now();
await wait(job.seconds);
counting = false;
const seconds = (performance.now() - begun) / 1_000;
for (const socket of sockets) socket.destroy();
process.send?.({
  requestsPerSecond: times.length / seconds,
  p50Ms: percentile(times, 0.5),
  p95Ms: percentile(times, 0.95),
  p99Ms: percentile(times, 0.99),
  failed,
} satisfies HttpReport);
process.disconnect();

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: job.port, noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

function ask(socket: Socket): void {
  let left = NOTHING;
  let at = 0;
  const next = (): void => {
    at = performance.now();
    socket.write(requests[asked++ % requests.length] ?? NOTHING);
  };
  socket.on('data', (chunk) => {
    left = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
    const head = left.indexOf(HEAD_END);
    if (head < 0) return;
    const text = left.toString('latin1', 0, head);
    const length = Number(/\ncontent-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) throw bug('an answer without a length');
    if (left.length < head + HEAD_END.length + length) return;
    left = NOTHING;
    if (!text.startsWith('HTTP/1.1 200')) failed += 1;
    else if (counting) times.push(performance.now() - at);
    next();
  });
  next();
}

function wait(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}
