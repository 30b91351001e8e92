import { connectLightMqtt } from '@muster/testkit';

/**
 * Simulated devices over MQTT QoS 1, a process of its own, forked: each measures at a steady rate, all of them spread
 * over the period. `sentAt` is the instant at which a message is written, epoch ms with fractions.
 */
export interface PublishJob {
  readonly port: number;
  readonly tokens: readonly string[];
  /** These send long texts besides: for the viewer that does not read. */
  readonly heavyTokens: readonly string[];
  readonly perSecond: number;
  readonly seconds: number;
}

export interface PublishReport {
  readonly sent: number;
  readonly acked: number;
}

/** Of a heavy message: texts, and characters of one. 23 KB at 10 Hz is under what one device may send. */
const TEXTS = 6;
const TEXT_CHARS = 3_900;
/** Longest wait for the last acknowledgements, ms. */
const DRAIN_MS = 10_000;

const job = JSON.parse(process.argv[2] ?? '{}') as PublishJob;
const text = 'x'.repeat(TEXT_CHARS);
const texts = Array.from({ length: TEXTS }, (_, nth) => `,"text${nth}":"${text}"`).join('');
const periodMs = 1_000 / job.perSecond;
let sent = 0;
let acked = 0;

const clients = await Promise.all(
  [...job.tokens, ...job.heavyTokens].map(async (password, nth) => ({
    client: await connectLightMqtt({ host: '127.0.0.1', port: job.port, username: 'x', password }),
    more: nth < job.tokens.length ? '' : texts,
  })),
);
process.send?.({ connected: clients.length });
const begun = performance.now();
await Promise.all(clients.map(({ client, more }, nth) => run(nth, client, more)));
for (const until = performance.now() + DRAIN_MS; performance.now() < until && acked < sent; ) await wait(20);
const report: PublishReport = { sent, acked };
process.send?.(report, () => {
  for (const { client } of clients) client.drop();
  process.disconnect();
});

async function run(nth: number, client: (typeof clients)[number]['client'], more: string): Promise<void> {
  const offset = (nth / clients.length) * periodMs;
  for (let seq = 1; seq <= job.seconds * job.perSecond; seq++) {
    // against the beginning, not the last message: a late one must not make all others late
    await wait(begun + offset + (seq - 1) * periodMs - performance.now());
    const sentAt = performance.timeOrigin + performance.now();
    const values = `"sentAt":${sentAt.toFixed(3)},"count":${seq},"load":${(seq % 100) / 8}${more}`;
    sent += 1;
    client.publish('devices/me/telemetry', `{"seq":${seq},"at":${Date.now()},"values":{${values}}}`, 1).then(
      () => {
        acked += 1;
      },
      () => undefined,
    );
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, Math.max(0, ms)));
}
