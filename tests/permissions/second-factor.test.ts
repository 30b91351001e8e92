import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ErrorReply } from '@muster/contract';
import { startTestServer, type TestPerson, type TestServer } from '@muster/server/testing';
import { permissionOf } from '../../packages/server/src/accounts/permissions.ts';
import { leastOf, operationsOf } from './operations.ts';

/** A deployment that asks operators for a second factor, and an operator who has none. */
let muster: TestServer;
let operator: TestPerson;
before(async () => {
  muster = await startTestServer({ flags: ['--accounts.secondFactor.operator=true'] });
  operator = await muster.person('operator');
});
after(() => muster?.stop());

test('who lacks the second factor that is asked for can do nothing but add one, at one site or at all of them', async () => {
  let refused = 0;
  for (const { name, method, path, action, body, parameters } of operationsOf(muster.server.openapi())) {
    if (permissionOf(action).who === 'anyone' || action.startsWith('account.')) continue;
    for (const everywhere of [false, true]) {
      const query = new URLSearchParams();
      for (const { in: where, name: parameter, required, schema } of parameters) {
        if (where !== 'query') continue;
        if (parameter === 'siteId') {
          if (required || !everywhere) query.set(parameter, muster.siteId);
        } else if (required) query.set(parameter, String(leastOf(schema)));
      }
      const filled = path
        .replace('{siteId}', muster.siteId)
        .replaceAll(/\{\w+\}/g, '019a0000-0000-7000-8000-000000000001');
      const reply = await fetch(`${muster.url}${filled}?${query}`, {
        method,
        headers: {
          authorization: `Bearer ${operator.token}`,
          ...(body === null ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === null ? {} : { body: JSON.stringify(leastOf(body, { siteId: muster.siteId })) }),
      });
      const { error } = (await reply.json()) as ErrorReply;
      // what their role may not do anyway is refused as that
      assert.match(error?.code ?? '', /^(SECOND_FACTOR_REQUIRED|FORBIDDEN)$/, `${name} answered ${reply.status}`);
      refused += error.code === 'SECOND_FACTOR_REQUIRED' ? 1 : 0;
    }
  }
  assert.ok(refused > 100, String(refused));
  await operator.call('GET', '/api/me');
  await operator.call('POST', '/api/me/totp');
});
