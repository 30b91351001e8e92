import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { createHttp, type Http, httpConfig } from '../../platform/http/index.ts';
import { createLogger } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { createMeasures } from './measures.ts';

const REQUESTS = 30;
const metrics = createMetrics();
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let http: Http;

before(async () => {
  database = await createTestDatabase();
  http = await createHttp(
    { ...(Value.Create(httpConfig) as Static<typeof httpConfig>), port: 0 },
    createLogger('silent'),
    metrics,
    '0',
  );
  const querystring = Type.Object({ waitMs: Type.Integer({ default: 0 }), worksMs: Type.Integer({ default: 0 }) });
  http.get('/asked', { schema: { querystring } }, async ({ query: { waitMs, worksMs } }) => wait(waitMs + worksMs, {}));
});
after(async () => {
  await http?.close();
  await database?.stop();
});

async function p95Of(query: string): Promise<number | null> {
  const measure = createMeasures({ registry: metrics.registry, db: database.for(), dataDir: tmpdir() });
  await measure();
  const all = Array.from({ length: REQUESTS }, (_, nth) => http.inject(nth === 0 ? '/asked' : `/asked?${query}`));
  for (const { statusCode } of await Promise.all(all)) assert.equal(statusCode, 200);
  return (await measure())['server/apiP95Ms'] ?? null;
}

test('an API that takes long is seen', async () => {
  assert.ok(((await p95Of('worksMs=1200')) ?? 0) > 1_000);
});

test('long-polls that wait are no slow API', async () => {
  assert.equal(await p95Of('waitMs=1200'), null);
});
