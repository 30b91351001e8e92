import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bug, type Group, type SessionReply } from '@muster/contract';
import { assemble, type Server, startServer } from '@muster/server';
import { readConfig } from '@muster/server/config';
import { createStubVoice } from '@muster/testkit';
import { hashPassword } from '../packages/server/src/accounts/passwords/hash.ts';
import { createSessions } from '../packages/server/src/accounts/sessions/sessions.ts';
import { createInProcessBus } from '../packages/server/src/platform/bus/index.ts';
import { systemClock as clock } from '../packages/server/src/platform/clock.ts';
import { type OpenDatabase, openDatabase, startEmbeddedPostgres } from '../packages/server/src/platform/db/index.ts';
import { newId } from '../packages/server/src/platform/ids.ts';
import { createLogger } from '../packages/server/src/platform/log.ts';
import { openVault } from '../packages/server/src/platform/vault/index.ts';
import { defineBench } from './define.ts';
import { percentile } from './report/statistics.ts';
import { startBareApp } from './trust/bare-apps.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');
/** Requests to one app before those to the next: what the machine does meanwhile falls on all alike. */
const BLOCK = 20;
const PASSWORD = 'lantern harbour seventeen kites';

export const bench = defineBench({
  name: 'trust',
  summary: 'What knowing and judging callers, and the audit, add to a request; how long signing in tells apart',
  options: {
    requests: { default: 400, summary: 'reads, and changes, of each round' },
    rounds: { default: 7, summary: 'rounds; the figures are the medians of them' },
    accounts: { default: 200, summary: 'known and unknown accounts, each tried once with a wrong password' },
  },
  goals: {
    authorisationAddedP95Ms: { atMost: 0.2 },
    auditAddedShare: { atMost: 0.1 },
    signInDifferenceMs: { atMost: 10 },
  },
  async run({ options, progress, signal }) {
    const directory = await mkdtemp(join(tmpdir(), 'muster-trust-'));
    const log = createLogger('silent');
    const ends: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
    try {
      const postgres = await startEmbeddedPostgres(join(directory, 'database'), log);
      ends.push(() => postgres.stop());
      // all apps in this process: none has a core more than another
      const { vad, stt, llm, tts } = createStubVoice();
      const server = await startServer(
        readConfig(
          [
            '--http.port=0',
            '--mqtt.port=0',
            `--dataDir=${join(directory, 'server')}`,
            `--database.url=${postgres.connectionString}`,
            `--secrets.key=${KEY}`,
            // every try of a sign-in comes from another address, as far as the server knows
            '--http.behindProxy=true',
            '--accounts.requestsPerSecond=1000000',
          ],
          {},
        ),
        { log, print: () => undefined, vad, providers: assemble({ stt: [stt], llm: [llm], tts: [tts] }) },
      );
      ends.push(() => server.stop());
      await server.ready;
      const database = openDatabase(postgres.connectionString, 12, log);
      ends.push(() => database.close());
      const apps = await openApps(server, database, directory);
      ends.push(() => apps.close());
      const requests = await measureRequests(apps, options, progress, signal);
      progress('signing in');
      const signIn = await measureSignIn(server.url, database, options.accounts, signal);
      return { figures: { ...requests.figures, ...signIn }, beside: requests.beside };
    } finally {
      for (const end of ends.reverse()) await end();
    }
  },
});

interface Apps {
  readonly token: string;
  readonly groupId: string;
  /** Knows and judges whoever calls, audits what is changed. */
  readonly whole: string;
  /** Looks up whoever calls, and no more. */
  readonly known: string;
  /** Does the work for anybody. */
  readonly bare: string;
  close(): Promise<void>;
}

async function openApps(server: Server, database: OpenDatabase, directory: string): Promise<Apps> {
  const log = createLogger('silent');
  const vault = await openVault({
    pool: database.pool,
    dataDir: directory,
    config: { key: KEY },
    log,
    isShared: true,
  });
  const config = readConfig([], {}).accounts;
  const sessions = createSessions({ database, clock, bus: createInProcessBus(log), log, config });
  const known = await startBareApp(database, vault, (token) => sessions.of(token));
  const bare = await startBareApp(database, vault, null);
  const setup = { email: 'ada@example.com', name: 'Ada', password: PASSWORD };
  const link = new URL(server.setupLink ?? '').searchParams.get('token');
  const { token } = await post<SessionReply>(`${server.url}/api/setup`, { ...setup, token: link }, '');
  const reply = await fetch(`${server.url}/api/sites`, { headers: { authorization: `Bearer ${token}` } });
  const { sites } = (await reply.json()) as { sites: { siteId: string }[] };
  const made = { siteId: sites[0]?.siteId, name: 'G', deviceIds: [] };
  const { groupId } = await post<Group>(`${server.url}/api/groups`, made, token);
  return {
    token,
    groupId,
    whole: server.url,
    known: known.url,
    bare: bare.url,
    close: async () => {
      await Promise.all([known.close(), bare.close()]);
    },
  };
}

async function post<Reply>(url: string, body: object, token: string): Promise<Reply> {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  if (!reply.ok) throw bug(`${url} answered ${reply.status}: ${await reply.text()}`);
  return (await reply.json()) as Reply;
}

async function measureRequests(
  { whole, known, bare, token, groupId }: Apps,
  options: { readonly requests: number; readonly rounds: number },
  progress: (what: string, done: number, total: number) => void,
  signal: AbortSignal,
) {
  const path = `/api/groups/${groupId}`;
  const read = (url: string) => () => ask(url, 'GET', path, token);
  let changes = 0;
  const change = (url: string) => () => ask(url, 'PATCH', path, token, { name: `G ${++changes}` });
  const rounds: Readonly<Record<'whole' | 'known' | 'bare' | 'wholeChange' | 'knownChange', number>>[] = [];
  // the first round meets code that was never run
  for (let round = 0; round <= options.rounds && !signal.aborted; round++) {
    progress('reads and changes', round, options.rounds + 1);
    const reads = await alternate([read(whole), read(known), read(bare)], options.requests);
    const writes = await alternate([change(whole), change(known)], options.requests);
    const [wholeMs = 0, knownMs = 0, bareMs = 0] = reads;
    const [wholeChange = 0, knownChange = 0] = writes;
    if (round > 0) rounds.push({ whole: wholeMs, known: knownMs, bare: bareMs, wholeChange, knownChange });
  }
  const of = (figure: (round: (typeof rounds)[number]) => number): number => median(rounds.map(figure));
  return {
    figures: {
      authorisationAddedP95Ms: of((round) => round.whole - round.known),
      /** Of which at least one query: the session is asked for at each request, so that what ended has ended. */
      lookUpAddedP95Ms: of((round) => round.known - round.bare),
      auditAddedShare: of((round) => round.wholeChange / round.knownChange - 1),
      readP95Ms: of((round) => round.whole),
      changeP95Ms: of((round) => round.wholeChange),
    },
    beside: { readP95Ms: of((round) => round.bare), changeP95Ms: of((round) => round.knownChange) },
  };
}

/** p95 of each, ms: one request after the other, by turns. */
async function alternate(asks: readonly (() => Promise<number>)[], count: number): Promise<number[]> {
  const times: number[][] = asks.map(() => []);
  for (let done = 0; done < count; done += BLOCK) {
    for (const [nth, askOne] of asks.entries()) {
      for (let one = 0; one < BLOCK; one++) times[nth]?.push(await askOne());
    }
  }
  return times.map((all) => percentile(all, 0.95));
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** From the request to the end of its answer, ms. */
function ask(url: string, method: string, path: string, token: string, body?: object): Promise<number> {
  const { hostname, port } = new URL(url);
  const text = body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve, fail) => {
    const begun = performance.now();
    const sent = request(
      {
        hostname,
        port,
        method,
        path,
        agent,
        headers: {
          authorization: `Bearer ${token}`,
          ...(text === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        },
      },
      (reply) => {
        reply.resume();
        reply.once('end', () => {
          if (reply.statusCode !== 200) return fail(bug(`${method} ${path} answered ${reply.statusCode}`));
          resolve(performance.now() - begun);
        });
      },
    );
    sent.once('error', fail);
    sent.end(text);
  });
}

/** One wrong password for each of many accounts, by turns one that is there and one that is not. */
async function measureSignIn(url: string, { pool }: OpenDatabase, accounts: number, signal: AbortSignal) {
  const hash = await hashPassword(PASSWORD);
  const times: Readonly<Record<'known' | 'unknown', number[]>> = { known: [], unknown: [] };
  for (let nth = 0; nth < accounts && !signal.aborted; nth++) {
    const email = `known-${nth}@example.com`;
    await pool.query(
      'INSERT INTO users (user_id, email, email_key, name, password_hash, created_at) VALUES ($1, $2, $2, $3, $4, 0)',
      [newId(clock.now()), email, 'Known', hash],
    );
    times.known.push(await tryToSignIn(url, email, `10.0.${nth % 250}.1`));
    times.unknown.push(await tryToSignIn(url, `unknown-${nth}@example.com`, `10.1.${nth % 250}.1`));
  }
  const [known, unknown] = [median(times.known), median(times.unknown)];
  return { signInDifferenceMs: Math.abs(known - unknown), signInKnownMs: known, signInUnknownMs: unknown };
}

async function tryToSignIn(url: string, email: string, address: string): Promise<number> {
  const begun = performance.now();
  const reply = await fetch(`${url}/api/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
    body: JSON.stringify({ email, password: 'not the one that it is' }),
  });
  await reply.arrayBuffer();
  if (reply.status !== 401) throw bug(`a wrong password was answered with ${reply.status}`);
  return performance.now() - begun;
}

function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}
