import type { DeviceCreated, SessionReply } from '@muster/contract';
import { startTestServer } from '@muster/server/testing';
import fc from 'fast-check';
import { leastOf, type Operation, operationsOf } from '../permissions/operations.ts';
import { createThings, type Things } from '../permissions/things.ts';
import { defineFuzz } from './define.ts';
import { mutateJson } from './inputs/mutate.ts';
import type { Random } from './inputs/random.ts';
import { createJudge } from './routes/answers.ts';
import { anyText, valuesOf } from './routes/values.ts';

/** A call that is not made yet: whatever is in it depends on its seed alone. */
interface Plan {
  /** Which of the routes, 0 to below 1. */
  readonly route: number;
  readonly seed: number;
  readonly who: 'administrator' | 'owner' | 'viewer' | 'device' | 'stranger' | 'nobody';
  /** `least`: what the schema asks for; `valid`: whatever it takes; the others are less and less so. */
  readonly body: 'least' | 'valid' | 'changed' | 'bytes';
  readonly isPathWild: boolean;
  readonly isQueryWild: boolean;
}

const ANSWER_LIMIT_MS = 20_000;
/** Waits that a caller may ask for would make this slow, and nothing else. */
const WAITS = new Set(['waitMs', 'timeout']);
const KINDS = ['application/json', 'application/json; charset=utf-16', 'text/csv', 'text/plain', 'x'];

const WHO: readonly Plan['who'][] = [
  ...Array.from({ length: 12 }, () => 'administrator' as const),
  'owner',
  'owner',
  'viewer',
  'device',
  'stranger',
  'nobody',
];

function plan(random: Random): Plan {
  return {
    route: random.below(1_000_000) / 1_000_000,
    seed: random.below(0x7fff_ffff),
    who: random.pick(WHO),
    body: random.pick(['least', 'valid', 'valid', 'valid', 'changed', 'changed', 'bytes']),
    isPathWild: random.chance(0.12),
    isQueryWild: random.chance(0.2),
  };
}

export const target = defineFuzz({
  name: 'routes',
  summary: 'calls of every route of a running server, right and wrong; none fails it, every answer is as promised',
  // a whole server, whose caches fill up to their bounds
  mostGrowthKb: 49_152,
  make: (random) => Buffer.from(JSON.stringify(plan(random))),
  async open() {
    const world = await createWorld();
    const judge = createJudge();
    return {
      async take(input, random) {
        const call = JSON.parse(input.toString()) as Plan;
        const operation = world.operations[Math.floor(call.route * world.operations.length)];
        if (operation === undefined) throw new Error('there is no route');
        const made = await world.call(call, operation, random);
        const answer = await world.ask(made, call);
        const wrong = judge(operation, answer);
        if (wrong !== null) {
          throw new Error(
            `${operation.name}: ${answer.status} ${wrong}\n${JSON.stringify(made)}\n${answer.text.slice(0, 1_000)}`,
          );
        }
        return answer.status < 300 ? 'taken' : `${answer.status} ${codeIn(answer.text)}`;
      },
      close: () => world.stop(),
    };
  },
});

const codeIn = (text: string): string => /"code":"([A-Z_]+)"/.exec(text)?.[1] ?? '';

interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly isBase64: boolean;
}

async function createWorld() {
  const muster = await startTestServer({ flags: ['--accounts.secondFactor.owner=false'] });
  const operations = operationsOf(muster.server.openapi()).filter(({ path }) => !path.startsWith('/xiaozhi'));
  const things = await createThings(muster);
  // not the one who makes the things: what is asked may end the session that asks
  const people = {
    administrator: await muster.person('administrator'),
    owner: await muster.person('owner'),
    viewer: await muster.person('viewer'),
  };
  const tokens = new Map(Object.entries(people).map(([name, { token }]) => [name, token]));
  const device = await muster.call<DeviceCreated>('POST', '/api/devices', { siteId: muster.siteId, name: 'Speaks' });

  const isOfDevice = ({ action, path }: Operation): boolean => action === 'device.speak' && path.startsWith('/device/');

  async function call(planned: Plan, operation: Operation, random: Random): Promise<Call> {
    const draw = <T>(values: fc.Arbitrary<T>): T => {
      const [value] = fc.sample(values, { seed: planned.seed, numRuns: 1 });
      return value as T;
    };
    const isUsedUp = operation.method === 'DELETE' || random.chance(0.02);
    let path = operation.path;
    const query = new URLSearchParams();
    for (const { in: where, name, required, schema } of operation.parameters) {
      if (where === 'path') {
        const made = name === 'token' ? device.token : await make(things, name, isUsedUp);
        path = path.replace(`{${name}}`, planned.isPathWild ? encodeWild(draw(anyText)) : made);
      } else if (where === 'query') {
        if (WAITS.has(name)) query.set(name, '0');
        else if (name === 'siteId' && !planned.isQueryWild) query.set(name, muster.siteId);
        else if (planned.isQueryWild && random.chance(0.5)) query.append(name, draw(anyText).toWellFormed());
        else if (required || random.chance(0.4)) query.set(name, String(draw(valuesOf(schema))).toWellFormed());
      }
    }
    const headers: Record<string, string> = {};
    const who = isOfDevice(operation) && planned.who === 'administrator' ? 'device' : planned.who;
    const token = who === 'device' ? device.token : who === 'stranger' ? 'x'.repeat(43) : (tokens.get(who) ?? null);
    if (token !== null) headers.authorization = `Bearer ${token}`;
    const { body, isBase64 } = await bodyOf(planned, operation, random, draw);
    if (body !== null) headers['content-type'] = planned.body === 'bytes' ? random.pick(KINDS) : kindOf(operation);
    const search = query.size > 0 ? `?${query}` : '';
    return { method: operation.method, path: `${path}${search}`, headers, body, isBase64 };
  }

  async function bodyOf(
    planned: Plan,
    operation: Operation,
    random: Random,
    draw: <T>(values: fc.Arbitrary<T>) => T,
  ): Promise<{ body: string | null; isBase64: boolean }> {
    if (operation.action === 'telemetry.import') return { body: 'series,at,value\r\na,1,2\r\n', isBase64: false };
    if (operation.body === null) return { body: null, isBase64: false };
    const given = await things.body(operation.name);
    const value = planned.body === 'least' ? leastOf(operation.body, given) : draw(valuesOf(operation.body, given));
    if (planned.body === 'least' || planned.body === 'valid') return { body: JSON.stringify(value), isBase64: false };
    return { body: mutateJson(value, random).toString('base64'), isBase64: true };
  }

  async function ask({ method, path, headers, body, isBase64 }: Call, { who }: Plan) {
    const reply = await fetch(muster.url + path, {
      method,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      ...(body === null ? {} : { body: isBase64 ? Buffer.from(body, 'base64') : body }),
    });
    const text = await reply.text();
    if (reply.status === 401 && text.includes('SIGN_IN_REQUIRED')) await comeBack(who);
    return { status: reply.status, contentType: reply.headers.get('content-type') ?? '', text };
  }

  /** Who was asked to sign out signs in again. */
  async function comeBack(who: Plan['who']): Promise<void> {
    if (!(who in people)) return;
    const { email, password } = people[who as keyof typeof people];
    tokens.set(who, (await muster.call<SessionReply>('POST', '/api/sessions', { email, password })).token);
  }

  return {
    operations,
    call,
    ask,
    async stop() {
      things.end();
      await muster.stop();
    },
  };
}

const make = (things: Things, name: string, isUsedUp: boolean): Promise<string> => things.make(name, isUsedUp);

const kindOf = ({ action }: Operation): string => (action === 'telemetry.import' ? 'text/csv' : 'application/json');

/** What a client may send in a path: as it is, or escaped. */
function encodeWild(text: string): string {
  const escaped = encodeURIComponent(text.toWellFormed());
  return escaped === '' ? '%' : escaped.replaceAll('%2F', '/').slice(0, 4_000);
}
