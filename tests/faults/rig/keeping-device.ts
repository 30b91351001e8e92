import { connectLightMqtt, type LightMqtt } from '@muster/testkit';
import { pause, until } from './until.ts';

/** A device that measures whether it is connected or not, keeps what was not acknowledged, and sends it in order. */
export interface KeepingDevice {
  readonly deviceId: string;
  /** What it measures from now on. */
  value: number;
  readonly measured: readonly { readonly seq: number; readonly at: number }[];
  /** Messages that were not acknowledged. */
  waiting(): number;
  /** Measures no more and sends what it kept; rejects when that takes longer than `limitMs`. */
  stop(limitMs: number): Promise<void>;
  drop(): void;
}

export interface KeepingOptions {
  readonly deviceId: string;
  readonly token: string;
  readonly mqttPort: number;
  readonly keepAliveS: number;
  readonly sampleMs: number;
}

interface Kept {
  readonly seq: number;
  readonly at: number;
  readonly value: number;
}

const BACK_MS = 500;
/** Messages under way at a time. */
const WINDOW = 16;

export function startKeepingDevice(options: KeepingOptions): KeepingDevice {
  const measured: { seq: number; at: number }[] = [];
  const kept: Kept[] = [];
  let client: LightMqtt | null = null;
  let measuring = true;
  let over = false;
  const timer = setInterval(() => {
    if (!measuring) return;
    const one = { seq: measured.length + 1, at: Date.now() };
    measured.push(one);
    kept.push({ ...one, value: self.value });
  }, options.sampleMs);

  async function connect(): Promise<LightMqtt> {
    return connectLightMqtt({
      host: '127.0.0.1',
      port: options.mqttPort,
      username: 'x',
      password: options.token,
      keepAlive: options.keepAliveS,
    });
  }

  async function send(to: LightMqtt | null, { seq, at, value }: Kept): Promise<void> {
    await to?.publish('devices/me/telemetry', JSON.stringify({ seq, at, values: { heat: value } }), 1);
  }

  /** The oldest first, some at a time; they are kept until all of them are acknowledged. */
  async function run(): Promise<void> {
    while (!over) {
      try {
        client = await connect();
        while (client.open) {
          const some = kept.slice(0, WINDOW);
          if (some.length === 0) await pause(options.sampleMs / 4);
          await Promise.all(some.map((one) => send(client, one)));
          kept.splice(0, some.length);
        }
      } catch {
        // gone, or there is none to be had, or refused: what was not acknowledged is still kept
        client?.drop();
      }
      if (!over) await pause(BACK_MS);
    }
  }

  const self: KeepingDevice = {
    deviceId: options.deviceId,
    value: 0,
    measured,
    waiting: () => kept.length,
    async stop(limitMs) {
      measuring = false;
      await until('what was kept is sent', limitMs, () => kept.length === 0);
      self.drop();
    },
    drop() {
      over = true;
      clearInterval(timer);
      client?.drop();
    },
  };
  void run();
  return self;
}
