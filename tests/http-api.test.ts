import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer } from '@muster/server/testing';
import type { OpenApi } from '../tools/docs/http-page.ts';
import { openApi } from '../tools/docs/openapi.ts';

/** `METHOD /path` of every operation, without the devices' own wire, which is no part of the API. */
function operationsOf({ paths }: OpenApi): string[] {
  return Object.entries(paths)
    .filter(([path]) => !path.startsWith('/xiaozhi'))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
    .sort();
}

test('the page of the HTTP API has the routes of a running server', async (t) => {
  const running = await startTestServer();
  t.after(() => running.stop());
  assert.deepEqual(operationsOf(await openApi()), operationsOf(running.server.openapi() as OpenApi));
});
