import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import type { ErrorReply } from '@muster/contract';
import { readConfig } from '@muster/server/config';
import { STUB_MAIN } from '../../bench/server-process.ts';
import { permissionOf } from '../../packages/server/src/accounts/permissions.ts';
import { copyTestCluster } from '../../packages/server/src/platform/db/test-cluster.fixture.ts';
import { openApi } from '../../tools/docs/openapi.ts';
import { leastOf, type Operation, operationsOf } from '../permissions/operations.ts';

/** What a switch that lets people in looks like, wherever it stands. */
const SWITCHES: Readonly<Record<string, RegExp>> = {
  'a mode for tests': /\bTESTING\b|\bNODE_ENV\b|\bMUSTER_TEST\b|\btest_?[mM]ode\b/,
  'a way around': /\b(?:bypass|skip|disable|no)[_-]?(?:auth|login|permission|token|verif)\w*/i,
  'a way around by name': /\bBYPASS_|_BYPASS\b/,
  'a token for everybody': /\b(?:mock|fake|dummy|dev|test|debug|magic|master)[_-]?(?:token|key|password|secret)\b/i,
  'rights by a header': /['"`]x-(?:user|role|admin|auth|remote|forwarded-user|forwarded-email)[\w-]*['"`]/i,
  'a password in the sources': /\bpassword\s*[:=]\s*['"`][^'"`$<>{}\s]{4,}['"`]/i,
  'a token in the sources': /Bearer [A-Za-z0-9_-]{16,}/,
  'certificates that are not looked at': /rejectUnauthorized:\s*false|NODE_TLS_REJECT_UNAUTHORIZED/,
};
const SAMPLES: readonly string[] = [
  "if (process.env.TESTING === 'true') return next();",
  "const isDev = process.env.NODE_ENV !== 'production';",
  'if (config.testMode) return ADMIN;',
  'skipAuth: Type.Boolean(),',
  "disable_auth = env['X'];",
  'if (env.BYPASS_AUTH) allow();',
  "if (token === 'mock_token') return admin;",
  'const masterPassword = readFileSync(x);',
  "const role = request.headers['x-user-role'];",
  "password: 'admin123',",
  'authorization: "Bearer 0123456789abcdef0123",',
  'rejectUnauthorized: false,',
];

/** Lines of product code that look like one and are none, with the reason. */
const HARMLESS: readonly { readonly file: string; readonly line: RegExp; readonly why: string }[] = [
  {
    file: 'packages/server/src/accounts/pages/words/en.ts',
    line: /password: 'Password',/,
    why: 'the word that stands beside the field',
  },
  {
    file: 'packages/server/src/platform/tls/client-certificate.ts',
    line: /rejectUnauthorized: false,/,
    why: 'who connects shows a certificate of the CA of a site, which x509/ judges; TLS knows none of them',
  },
];

/** The only readers of the environment: of the server, of the device, and of the folders that belong to a person. */
const READERS = ['packages/server/src/config.ts', 'packages/device/src/config.ts', 'packages/cli/src/config.ts'];

async function productFiles(): Promise<{ readonly file: string; readonly lines: readonly string[] }[]> {
  const files = execFileSync('git', ['ls-files', 'packages/*/src/*', 'packages/*/bin/*'], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .filter(
      (file) => /\.[jt]s$/.test(file) && !/\.(?:test|fixture)\.ts$|^packages\/testkit\/|\/testing\.ts$/.test(file),
    );
  return Promise.all(files.map(async (file) => ({ file, lines: (await readFile(file, 'utf8')).split('\n') })));
}

const looksLike = (line: string): string | undefined =>
  Object.entries(SWITCHES).find(([, pattern]) => pattern.test(line))?.[0];

test('the search for switches finds each of them', () => {
  for (const sample of SAMPLES) assert.notEqual(looksLike(sample), undefined, sample);
  const found = new Set(SAMPLES.map(looksLike));
  assert.ok(found.size >= Object.keys(SWITCHES).length - 1, [...found].join(', '));
});

test('no source of the product has a switch, a token or a header that lets anybody in', async () => {
  const files = await productFiles();
  assert.ok(files.length > 400, String(files.length));
  const found = files.flatMap(({ file, lines }) =>
    lines.flatMap((line, nth) => {
      const what = looksLike(line);
      const isHarmless = HARMLESS.some((one) => one.file === file && one.line.test(line));
      return what === undefined || isHarmless ? [] : [`${file}:${nth + 1}: ${what}: ${line.trim()}`];
    }),
  );
  assert.deepEqual(found, []);
});

test('the environment is read where the configuration is, and nowhere else', async () => {
  const found = (await productFiles())
    .filter(({ lines }) => lines.some((line) => /process\.env\b|\benv\b.*from 'node:process'/.test(line)))
    .map(({ file }) => file);
  assert.deepEqual(found.sort(), [...READERS].sort());
});

test('no setting weakens who may do what', () => {
  const names: string[] = [];
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return void names.push(path);
    for (const [name, inner] of Object.entries(value)) walk(inner, path === '' ? name : `${path}.${name}`);
  };
  walk(readConfig([], {}), '');
  assert.ok(names.length > 80, String(names.length));
  assert.deepEqual(
    names.filter((name) => /insecure|unsafe|bypass|noAuth|skip|trustAll|debugToken|testMode/i.test(name)),
    [],
  );
});

test('a variable of ours that is no setting ends the start: nobody believes that it did something', () => {
  for (const name of ['MUSTER_TEST', 'MUSTER_AUTH', 'MUSTER_ADMIN', 'MUSTER_ADMIN_TOKEN', 'MUSTER_BYPASS_AUTH']) {
    assert.throws(() => readConfig([], { [name]: '1' }), { code: 'CONFIG_INVALID' }, name);
  }
});

/** What the systems before this one, and others, took for a right. */
const HOSTILE_ENVIRONMENT = {
  TESTING: 'true',
  TEST: '1',
  NODE_ENV: 'test',
  CI: 'true',
  DEBUG: '*',
  DEV: '1',
  BYPASS_AUTH: 'true',
  SKIP_AUTH: '1',
  AUTH_DISABLED: 'true',
  DISABLE_AUTH: 'true',
  NO_AUTH: '1',
  ADMIN_PASSWORD: 'administrator',
  ADMIN_TOKEN: 'mock_token',
  JWT_SECRET: 'secret',
  SECRET_KEY: 'secret',
};
const HOSTILE_HEADERS: readonly Readonly<Record<string, string>>[] = [
  {},
  { authorization: 'Bearer mock_token' },
  { authorization: 'Bearer null' },
  { authorization: 'Bearer undefined' },
  { authorization: 'Bearer ' },
  { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` },
  // {"alg":"none"}.{"sub":"1","role":"administrator"}.
  { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwicm9sZSI6ImFkbWluaXN0cmF0b3IifQ.' },
  { cookie: 'muster_session=mock_token; __Host-muster_session=mock_token; role=administrator; admin=true' },
  {
    'x-user-id': '1',
    'x-user-role': 'administrator',
    'x-forwarded-user': 'ada@example.com',
    'x-remote-user': 'ada@example.com',
    'x-authenticated-user': 'ada@example.com',
    'x-admin': 'true',
    'x-api-key': 'mock_token',
    'x-ssl-client-verify': 'SUCCESS',
    'x-ssl-client-dn': 'CN=administrator',
    'x-forwarded-for': '127.0.0.1',
    forwarded: 'for=127.0.0.1;proto=https',
    'x-original-url': '/health',
    'x-rewrite-url': '/health',
    'x-http-method-override': 'GET',
  },
];

describe('in an environment that asks for it', () => {
  let directory: string;
  let url = '';
  let stop: () => Promise<void>;
  let operations: Operation[];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'muster-hostile-'));
    await copyTestCluster(directory);
    const own = ['--accounts.requestsPerSecond=100000', '--log.level=fatal'];
    const flags = ['--http.port=0', '--mqtt.port=0', `--dataDir=${directory}`, ...own];
    const child = spawn(process.execPath, [STUB_MAIN.pathname, ...flags], {
      env: { ...process.env, ...HOSTILE_ENVIRONMENT },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
    stop = async () => {
      child.kill('SIGTERM');
      await ended;
    };
    for await (const line of createInterface({ input: child.stdout })) {
      url = /^Muster listens on (\S+)/.exec(line)?.[1] ?? url;
      if (line === 'Ready') break;
    }
    operations = operationsOf(await openApi()).filter(({ path }) => !path.startsWith('/xiaozhi'));
  });
  after(async () => {
    await stop?.();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  test('whoever is nobody stays nobody, at every route, whatever they say', async () => {
    let asked = 0;
    for (const { method, path, name, action, body } of operations) {
      if (permissionOf(action).who === 'anyone' && action !== 'device.speak') continue;
      for (const headers of HOSTILE_HEADERS) {
        const reply = await fetch(url + path.replaceAll(/\{\w+\}/g, '019a0000-0000-7000-8000-000000000001'), {
          method,
          headers: { ...headers, ...(body === null ? {} : { 'content-type': 'application/json' }) },
          ...(body === null ? {} : { body: JSON.stringify(leastOf(body)) }),
        });
        const text = await reply.text();
        assert.equal(reply.status, 401, `${name} ${JSON.stringify(headers)} answered ${reply.status} ${text}`);
        if (!path.startsWith('/api/v1/')) {
          const { error } = JSON.parse(text) as ErrorReply;
          assert.match(error.code, /^(SIGN_IN_REQUIRED|DEVICE_TOKEN_INVALID)$/, name);
        }
        asked += 1;
      }
    }
    assert.ok(asked > 800, String(asked));
  });
});
