import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DeploymentRole,
  type ErrorReply,
  type InvitationCreated,
  MusterError,
  type Role,
  type SessionReply,
} from '@muster/contract';
import { createStubVoice, createXiaozhiDevice, type XiaozhiDevice, type XiaozhiDeviceOptions } from '@muster/testkit';
import { Client } from 'pg';
import { readConfig } from './config.ts';
import { type Clock, systemClock } from './platform/clock.ts';
import { copyTestCluster } from './platform/db/test-cluster.fixture.ts';
import { createLogger, type Logger } from './platform/log.ts';
import { type Server, type ServerParts, startServer } from './server.ts';
import { assemble } from './voice/index.ts';

/** A real server on a fresh embedded database and a free port, with its first administrator signed in. */
export interface TestServer {
  readonly server: Server;
  readonly url: string;
  readonly otaUrl: string;
  readonly dataDir: string;
  readonly token: string;
  readonly siteId: string;
  /** For providers that a test makes itself. */
  readonly deps: { readonly log: Logger; readonly clock: Clock };
  /** One API call as the administrator; throws what the server answers when it is an error. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** The body of a page that is no JSON, as the administrator. */
  text(path: string): Promise<string>;
  /** Types the code of a device, as a person at the dashboard would. */
  activate(code: string): Promise<string>;
  /** A simulated device of its own, activated and connected; `id` is its device id. */
  connect(options?: Partial<XiaozhiDeviceOptions>): Promise<XiaozhiDevice & { readonly id: string }>;
  /**
   * Somebody with a role at a site (default: the first), with a role on the whole server, or with none (null); invited
   * and come in as anybody would be.
   */
  person(role: Role | DeploymentRole | null, siteId?: string): Promise<TestPerson>;
  /** What was printed for whoever runs the server. */
  readonly printed: readonly string[];
  /** Rows of its database, past the server; only while it is the embedded one. */
  sql<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

export interface TestPerson {
  readonly userId: string;
  readonly email: string;
  readonly password: string;
  readonly token: string;
  /** One API call as this person; throws what the server answers when it is an error. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
}

export const TEST_ADMINISTRATOR = { email: 'ada@example.com', name: 'Ada', password: 'correct horse battery staple' };

export interface TestServerOptions {
  readonly parts?: ServerParts;
  /** The engines that an installation has. Default: stages that answer at once, for tests of something else. */
  readonly realVoice?: boolean;
  readonly flags?: readonly string[];
  readonly dataDir?: string;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'muster-test-')));
  const flags = [
    '--http.port=0',
    '--mqtt.port=0',
    `--dataDir=${dataDir}`,
    '--database.poolSize=6',
    ...(options.flags ?? []),
  ];
  const log = createLogger(process.argv.includes('--log') ? 'debug' : 'silent');
  const printed: string[] = [];
  const print = (line: string): void => void printed.push(line);
  await copyTestCluster(dataDir);
  const server = await startServer(readConfig(flags, {}), {
    log,
    print,
    ...(options.realVoice === true ? {} : stubVoice()),
    ...options.parts,
  });
  const { url } = server;
  let token = '';

  const call = <T>(method: string, path: string, body?: unknown): Promise<T> => callAs(token, method, path, body);

  async function callAs<T>(token: string, method: string, path: string, body?: unknown): Promise<T> {
    const reply = await fetch(url + path, {
      method,
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    const value = text === '' ? null : JSON.parse(text);
    if (reply.ok) return value as T;
    const { error } = value as ErrorReply;
    throw new MusterError(error.code, { status: reply.status }, { say: error.message });
  }

  const setupToken = new URL(server.setupLink ?? url).searchParams.get('token');
  const credentials = setupToken === null ? TEST_ADMINISTRATOR : { ...TEST_ADMINISTRATOR, token: setupToken };
  const { email, password } = TEST_ADMINISTRATOR;
  const session =
    setupToken === null
      ? await call<SessionReply>('POST', '/api/sessions', { email, password })
      : await call<SessionReply>('POST', '/api/setup', credentials);
  token = session.token;
  const { sites } = await call<{ sites: { siteId: string }[] }>('GET', '/api/sites');
  await server.ready;

  async function person(role: Role | DeploymentRole | null, siteId = sites[0]?.siteId): Promise<TestPerson> {
    const email = `${role ?? 'nobody'}-${randomUUID()}@example.com`;
    const isOfServer = role === 'administrator' || role === 'support';
    const wanted = isOfServer ? { email, deploymentRole: role } : { email, siteId, role: role ?? 'viewer' };
    const { link } = await call<InvitationCreated>('POST', '/api/invitations', wanted);
    const invitation = new URL(link ?? url).searchParams.get('token') ?? '';
    const password = `${randomUUID()} harbour lantern ${randomUUID()}`;
    const session = await callAs<SessionReply>('', 'POST', '/api/invitations/accept', {
      token: invitation,
      name: `A ${role ?? 'nobody'}`,
      password,
    });
    const { userId } = session.user;
    if (role === null) await call('DELETE', `/api/sites/${siteId}/members/${userId}`);
    const own = session.token;
    return { userId, email, password, token: own, call: (method, path, body) => callAs(own, method, path, body) };
  }

  const activate = async (code: string): Promise<string> =>
    (await call<{ deviceId: string }>('POST', '/api/devices/activate', { code })).deviceId;
  let devices = 0;

  return {
    server,
    url,
    otaUrl: `${url}/xiaozhi/ota/`,
    dataDir,
    token,
    siteId: sites[0]?.siteId ?? '',
    deps: { log, clock: systemClock },
    call,
    text: async (path) => (await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })).text(),
    activate,
    person,
    printed,
    async connect(deviceOptions = {}) {
      devices += 1;
      const device = createXiaozhiDevice({
        otaUrl: `${url}/xiaozhi/ota/`,
        hardwareId: `02:00:00:00:01:${devices.toString(16).padStart(2, '0')}`,
        clientId: randomUUID(),
        ...deviceOptions,
      });
      let id = '';
      await device.activateWith(async (code) => {
        id = await activate(code);
      });
      await device.connect();
      return Object.assign(device, { id });
    },
    async sql<Row>(text: string, values: readonly unknown[] = []) {
      // PostgreSQL writes where it listens into its lock file: https://www.postgresql.org/docs/current/storage-file-layout.html
      const lines = (await readFile(join(dataDir, 'pg', 'postmaster.pid'), 'utf8')).split('\n');
      const host = encodeURIComponent(lines[4] ?? '');
      const client = new Client({ connectionString: `postgresql://muster@/muster?host=${host}` });
      await client.connect();
      try {
        const { rows } = await client.query(text, [...values]);
        return rows as Row[];
      } finally {
        await client.end();
      }
    },
    async stop() {
      await server.stop();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function stubVoice(): Pick<ServerParts, 'vad' | 'providers'> {
  const { vad, stt, llm, tts } = createStubVoice();
  return { vad, providers: assemble({ stt: [stt], llm: [llm], tts: [tts] }) };
}
