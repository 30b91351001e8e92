import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createScriptedServer, type ScriptedServer } from '@muster/testkit';

/** The command as it is installed, and what the stub knows of everybody's first day. */
export const BIN = join(import.meta.dirname, '../bin/muster.js');
export const ID = (last: number): string => `0190b3f4-9d60-7b3c-8a52-${String(last).padStart(12, '0')}`;
export const USER = {
  userId: ID(1),
  email: 'ann@example.com',
  name: 'Ann',
  administrator: true,
  support: false,
  state: 'active',
  language: 'en',
  createdAt: 1,
};
export const SITE = {
  siteId: ID(2),
  name: 'Home',
  kind: 'home',
  language: 'en',
  timeZone: 'UTC',
  keepWords: false,
  screening: 'none',
  telemetryKeepDays: 90,
  clonePolicy: 'alert',
  createdAt: 1,
};

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as it is installed, with what it keeps in `folder`, and no terminal. */
export async function runMuster(folder: string, args: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: {
      TZ: 'UTC',
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      XDG_CONFIG_HOME: join(folder, 'config'),
      XDG_STATE_HOME: join(folder, 'state'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
  const texts = Promise.all([child.stdout, child.stderr].map(async (stream) => (await stream.toArray()).join('')));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const [out = '', err = ''] = await texts;
  return { code, out, err };
}

/** What a request to the stub looked like. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

export type Routes = Readonly<Record<string, (seen: Seen) => { readonly status?: number; readonly body: unknown }>>;

export interface StubServer {
  readonly url: string;
  readonly seen: readonly Seen[];
  /** The side of the devices, reached below `/xiaozhi/` as on a proper server. */
  readonly devices: ScriptedServer;
  close(): Promise<void>;
}

/** A server on a real socket that answers `METHOD /path` from a table, and devices from a script. */
export async function createStubServer(routes: Routes): Promise<StubServer> {
  const seen: Seen[] = [];
  const devices = await createScriptedServer();
  const http = createServer(async (request, response) => {
    const text = await readBody(request);
    const { method = '', url = '' } = request;
    if (url.startsWith('/xiaozhi/ota/')) {
      const target = devices.otaUrl + url.slice('/xiaozhi/ota/'.length);
      const reply = await fetch(target, { method, body: text, headers: { 'content-type': 'application/json' } });
      response.writeHead(reply.status).end(await reply.text());
      return;
    }
    const asked = { method, url, authorization: request.headers.authorization, body: text ? JSON.parse(text) : null };
    seen.push(asked);
    const route = routes[`${method} ${url.split('?')[0]}`];
    const { status = 200, body } = route?.(asked) ?? refusal('NOT_FOUND', 'There is no such thing.', 404);
    response.writeHead(status, { 'content-type': 'application/json' }).end(body === null ? '' : JSON.stringify(body));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    seen,
    devices,
    async close() {
      http.closeAllConnections();
      http.close();
      await devices.close();
    },
  };
}

export function refusal(code: string, message: string, status: number, details?: readonly string[]) {
  return { status, body: { error: { code, message, requestId: 'r1', ...(details === undefined ? {} : { details }) } } };
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
