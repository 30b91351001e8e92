import { connect, type Socket } from 'node:net';
import { generate } from 'mqtt-packet';

/**
 * A raw MQTT load generator, a process of its own: packets are encoded once, acknowledgements are counted by their
 * bytes (four each in MQTT 3.1.1). `node load.ts '{"port":1883,…}'`, forked: tells its parent what it did.
 */
export interface LoadJob {
  readonly port: number;
  readonly connections: number;
  /** Publishes of one connection that wait for their acknowledgement. */
  readonly window: number;
  readonly payloadBytes: number;
  /** Not counted, then counted; 0 and 0: connects and stays. */
  readonly warmSeconds: number;
  readonly seconds: number;
}

export type LoadReport = { readonly connected: number } | { readonly ackedPerSecond: number };

const ACK_BYTES = 4;
/** Connections that are begun together, so that no backlog overflows. */
const TOGETHER = 100;

const job = JSON.parse(process.argv[2] ?? '{}') as LoadJob;
const sockets: Socket[] = [];
let acked = 0;

for (let at = 0; at < job.connections; at += TOGETHER) {
  const some = Array.from({ length: Math.min(TOGETHER, job.connections - at) }, (_, index) => open(at + index));
  sockets.push(...(await Promise.all(some)));
}
tell({ connected: sockets.length });
if (job.seconds > 0) {
  for (const socket of sockets) publish(socket);
  await wait(job.warmSeconds);
  const before = acked;
  const begun = performance.now();
  await wait(job.seconds);
  tell({ ackedPerSecond: (acked - before) / ((performance.now() - begun) / 1_000) });
}
process.once('disconnect', () => process.exit(0));

function open(index: number): Promise<Socket> {
  const device = `device-${index}`;
  const hello = generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId: device,
    keepalive: 600,
    username: device,
    password: Buffer.from('token'),
  });
  return new Promise((resolve, reject) => {
    const socket = connect({ port: job.port, host: '127.0.0.1', noDelay: true }, () => socket.write(hello));
    socket.once('error', reject);
    socket.once('data', (bytes) => {
      if (bytes[0] === 0x20 && bytes[3] === 0) resolve(socket);
      else reject(new RangeError(`not connected: ${bytes.toString('hex')}`));
    });
  });
}

/** Keeps `window` publishes on their way: as many more leave as were acknowledged. */
function publish(socket: Socket): void {
  const one = (messageId: number): Buffer =>
    generate({
      cmd: 'publish',
      topic: 'devices/me/app/x',
      payload: Buffer.alloc(job.payloadBytes, 0x61),
      qos: 1,
      retain: false,
      dup: false,
      messageId,
    });
  const ids = Array.from({ length: job.window }, (_, index) => one(index + 1));
  const size = ids[0]?.length ?? 0;
  const ring = Buffer.concat([...ids, ...ids]);
  let next = 0;
  let odd = 0;
  const send = (count: number): void => {
    socket.write(ring.subarray(next * size, (next + count) * size));
    next = (next + count) % job.window;
  };
  socket.on('data', (bytes) => {
    const total = odd + bytes.length;
    const count = Math.floor(total / ACK_BYTES);
    odd = total % ACK_BYTES;
    acked += count;
    if (count > 0) send(count);
  });
  send(job.window);
}

function wait(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}

function tell(report: LoadReport): void {
  process.send?.(report);
}
