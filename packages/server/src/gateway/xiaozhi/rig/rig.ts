import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { bug } from '@muster/contract';
import { Registry } from 'prom-client';
import type { Static } from 'typebox';
import { Value } from 'typebox/value';
import { type ClientOptions, WebSocket } from 'ws';
import { createHttp, type Http, httpConfig } from '../../../platform/http/index.ts';
import { createLogger } from '../../../platform/log.ts';
import { createMetrics } from '../../../platform/metrics.ts';
import { XiaozhiConfig } from '../config.ts';
import { createXiaozhiGateway, type XiaozhiGateway } from '../gateway.ts';
import type { XiaozhiLink } from '../inbox.ts';
import { createDevice, type Device } from './device.ts';
import { createHandClock, type HandClock } from './hand-clock.ts';
import { createScriptedInbox, type ScriptedInbox } from './scripted-inbox.ts';
import { until } from './until.ts';

/** What the tests of the gateway stand on: the real gateway on real sockets, a scripted inbox, a clock set by hand. */
export interface Rig {
  readonly gateway: XiaozhiGateway;
  readonly http: Http;
  readonly inbox: ScriptedInbox;
  readonly clock: HandClock;
  readonly registry: Registry;
  readonly port: number;
  readonly otaUrl: string;
  readonly wsUrl: string;
  /** Opens a socket as device `name`, whose token is `token-of-NAME`. */
  connect(name?: string, options?: ConnectOptions): Promise<Device>;
  /** The same, and says hello. */
  talk(name?: string, options?: ConnectOptions & { readonly hello?: object }): Promise<Device & { link: XiaozhiLink }>;
  /** A counter's value with these labels; 0 when it was never counted. */
  count(metric: string, labels: Readonly<Record<string, string>>): Promise<number>;
  /** Drops every connection and forgets what the inbox was told: between tests. */
  hangUp(): Promise<void>;
  stop(): Promise<void>;
}

export interface ConnectOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly client?: ClientOptions;
}

export async function startRig(
  options: { readonly config?: Partial<XiaozhiConfig>; readonly publicUrl?: string; readonly log?: string[] } = {},
): Promise<Rig> {
  const clock = createHandClock();
  const inbox = createScriptedInbox();
  const registry = new Registry();
  const lines = options.log;
  const log =
    lines === undefined ? createLogger('silent') : createLogger('debug', { write: (line) => void lines.push(line) });
  const config = { ...(Value.Create(XiaozhiConfig) as XiaozhiConfig), ...options.config };
  const http = await createHttp(
    { ...(Value.Create(httpConfig) as Static<typeof httpConfig>), port: 0 },
    createLogger('silent'),
    createMetrics(),
    '0.0.0',
  );
  const publicUrl = options.publicUrl ?? null;
  const gateway = createXiaozhiGateway({
    log,
    clock,
    inbox,
    config,
    registry,
    publicUrl,
    httpHost: '127.0.0.1',
    mqttPort: () => 1883,
  });
  gateway.register(http);
  await http.listen({ host: '127.0.0.1', port: 0 });
  const { port } = http.server.address() as AddressInfo;
  const wsUrl = `ws://127.0.0.1:${port}/xiaozhi/v1/`;
  const devices: Device[] = [];

  async function connect(name = 'one', { headers = {}, client = {} }: ConnectOptions = {}): Promise<Device> {
    const socket = new WebSocket(wsUrl, {
      perMessageDeflate: false,
      ...client,
      headers: { Authorization: `Bearer token-of-${name}`, 'Device-Id': name, 'Client-Id': 'tests', ...headers },
    });
    const device = createDevice(socket);
    devices.push(device);
    await once(socket, 'open', { signal: AbortSignal.timeout(2_000) });
    return device;
  }

  async function hangUp(): Promise<void> {
    for (const device of devices.splice(0)) device.socket.terminate();
    await until(() => gateway.connectionCount() === 0);
    inbox.told.length = 0;
    inbox.packets.length = 0;
    inbox.ended.length = 0;
    inbox.extra = {};
  }

  return {
    gateway,
    http,
    inbox,
    clock,
    registry,
    port,
    otaUrl: `http://127.0.0.1:${port}/xiaozhi/ota/`,
    wsUrl,
    connect,
    async talk(name, connectOptions = {}) {
      const device = await connect(name, connectOptions);
      device.send({ type: 'hello', ...connectOptions.hello });
      await device.next('hello');
      const link = inbox.links.at(-1);
      if (link === undefined) throw bug('no conversation was opened');
      return Object.assign(device, { link });
    },
    async count(metric, labels) {
      const values = (await registry.getSingleMetric(metric)?.get())?.values ?? [];
      const found = values.find((value) => Object.entries(labels).every(([key, label]) => value.labels[key] === label));
      return found?.value ?? 0;
    },
    hangUp,
    async stop() {
      await hangUp();
      await http.close();
    },
  };
}
