import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MusterError, type SessionReply } from '@muster/contract';
import { Client, types } from 'pg';

/** The server as its users run it: its own process, embedded database, first administrator signed in. */
export interface ServerProcess {
  readonly url: string;
  readonly otaUrl: string;
  /** Where MQTT is listened for, on loopback. */
  readonly mqttPort: number;
  /** The session of the administrator: for load that does not go through `call`. */
  readonly token: string;
  readonly pid: number;
  /** From the start of the process to its own word that it is ready, ms. */
  readonly readyMs: number;
  /** Types the code of a device. */
  activate(code: string): Promise<void>;
  call<T>(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<T>;
  /** The body of a page that is no JSON, such as /metrics. */
  text(path: string): Promise<string>;
  /** Memory of the process and all its children, MB: proportional set size, so that shared pages count once. */
  memoryMb(): Promise<number>;
  /** A query on its database, past the API: for what only rows can prove. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Where its database is reached, for programs that go past the API. */
  databaseUrl(): Promise<string>;
  /** The process number of its PostgreSQL. */
  databasePid(): Promise<number>;
  /** Ends it as an operator would; killed when that takes longer than a minute. */
  stop(): Promise<void>;
  /** Ends it with SIGKILL: nothing is told to anybody. Its database outlives it until the next start. */
  kill9(): Promise<void>;
  /** The same for the server, its database and every other process below it, as a power cut would. */
  killTree9(): Promise<void>;
}

const MAIN = new URL('../packages/server/src/main.ts', import.meta.url);
/** Stub providers: for what the server itself costs. */
export const STUB_MAIN = new URL('./server/stub-server.ts', import.meta.url);
// counts and instants are bigint columns; they fit a number
types.setTypeParser(types.builtins.INT8, Number);
const START_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 60_000;
const ADMINISTRATOR = { email: 'bench@example.com', name: 'Bench', password: 'only for this one run' };

export async function startServerProcess(
  options: {
    readonly dataDir?: string;
    readonly flags?: readonly string[];
    readonly main?: URL;
    /** For Node itself, such as `--inspect=127.0.0.1:0`. */
    readonly nodeFlags?: readonly string[];
    /** Gets its log, line by line, which is printed otherwise. */
    readonly onLog?: (line: string) => void;
  } = {},
): Promise<ServerProcess> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'muster-bench-')));
  const begun = performance.now();
  const flags = [
    '--http.port=0',
    '--mqtt.port=0',
    `--dataDir=${dataDir}`,
    '--log.level=warn',
    ...(options.flags ?? []),
  ];
  const child = spawn(process.execPath, [...(options.nodeFlags ?? []), (options.main ?? MAIN).pathname, ...flags], {
    stdio: ['ignore', 'pipe', options.onLog === undefined ? 'inherit' : 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new MusterError('UNAVAILABLE', { program: process.execPath });
  const { onLog } = options;
  if (child.stderr !== null && onLog !== undefined) createInterface({ input: child.stderr }).on('line', onLog);
  const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  const { url, link, mqttPort } = await said(child);
  const readyMs = performance.now() - begun;
  let token = '';

  async function call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const reply = await fetch(url + path, {
      method,
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!reply.ok) {
      const code = /"code":"(\w+)"/.exec(await reply.text())?.[1] ?? null;
      throw new MusterError('SERVER_UNREACHABLE', { path, status: reply.status, code });
    }
    return (reply.status === 204 ? null : await reply.json()) as T;
  }

  if (link === null) token = (await call<SessionReply>('POST', '/api/sessions', ADMINISTRATOR)).token;
  else {
    const setup = { ...ADMINISTRATOR, token: new URL(link).searchParams.get('token') };
    token = (await call<SessionReply>('POST', '/api/setup', setup)).token;
  }
  return {
    url,
    otaUrl: `${url}/xiaozhi/ota/`,
    mqttPort,
    token,
    pid,
    readyMs,
    call,
    text: async (path) => (await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })).text(),
    activate: async (code) => void (await call('POST', '/api/devices/activate', { code })),
    memoryMb: () => treeMemoryMb(pid),
    databaseUrl: () => databaseUrl(dataDir),
    async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
      const client = new Client({ connectionString: await databaseUrl(dataDir) });
      // a database that is killed meanwhile fails the query; it must not end us
      client.on('error', () => undefined);
      await client.connect();
      try {
        return (await client.query<Row>(text, [...values])).rows;
      } finally {
        await client.end();
      }
    },
    databasePid: async () => Number((await postmasterFile(dataDir))[0]),
    async kill9() {
      child.kill('SIGKILL');
      await ended;
    },
    async killTree9() {
      // when it has ended its number may be another's by now
      if (child.exitCode !== null || child.signalCode !== null) return;
      for (const one of await treeOf(pid)) kill9(one);
      await ended;
    },
    async stop() {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      child.kill('SIGTERM');
      await ended.finally(() => clearTimeout(timer));
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function databaseUrl(dataDir: string): Promise<string> {
  // the fifth line of the file is the directory of the socket
  const lines = await postmasterFile(dataDir);
  return `postgresql://muster@/muster?host=${encodeURIComponent(lines[4] ?? '')}`;
}

async function postmasterFile(dataDir: string): Promise<string[]> {
  return (await readFile(join(dataDir, 'pg', 'postmaster.pid'), 'utf8')).split('\n');
}

function kill9(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // it was quicker
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Reads the address, the set-up link and the word "Ready" from standard output. */
function said(child: ChildProcess): Promise<{ url: string; link: string | null; mqttPort: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ url: string; link: string | null; mqttPort: number }>();
  const timer = setTimeout(() => reject(new MusterError('UNAVAILABLE', { afterMs: START_LIMIT_MS })), START_LIMIT_MS);
  let url = '';
  let link: string | null = null;
  let mqttPort = 0;
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      url = /listens on (\S+)/.exec(line)?.[1] ?? url;
      link = /(\S+\/setup\?token=\S+)/.exec(line)?.[1] ?? link;
      mqttPort = Number(/^MQTT on port (\d+)/.exec(line)?.[1] ?? mqttPort);
      if (line.startsWith('Ready')) resolve({ url, link, mqttPort });
    });
  }
  child.once('exit', (code) => reject(new MusterError('UNAVAILABLE', { exitCode: code })));
  return promise.finally(() => clearTimeout(timer));
}

async function treeMemoryMb(root: number): Promise<number> {
  let kilobytes = 0;
  for (const pid of await treeOf(root)) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    kilobytes += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
  }
  return Math.round(kilobytes / 1024);
}

/** A process and all below it, parents before children. */
async function treeOf(root: number): Promise<number[]> {
  const children = new Map<number, number[]>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (Number.isInteger(parent)) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}
