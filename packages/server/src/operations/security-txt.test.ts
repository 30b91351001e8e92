import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '@muster/testkit';
import type { Static } from 'typebox';
import { Value } from 'typebox/value';
import { createHttp, type Http, httpConfig } from '../platform/http/index.ts';
import { createLogger } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { type SecurityConfig, securityTxtRoute } from './index.ts';

async function ask(config: Partial<SecurityConfig>, publicUrl: string | null, now = '2026-11-27T22:00:00Z') {
  const log = createLogger('silent');
  const http: Http = await createHttp(
    { ...(Value.Create(httpConfig) as Static<typeof httpConfig>), port: 0 },
    log,
    createMetrics(),
    '0',
  );
  const clock = createVirtualClock(Date.parse(now));
  securityTxtRoute(http, { config: { languages: 'en', ...config }, publicUrl, clock, log });
  const reply = await http.inject('/.well-known/security.txt');
  await http.close();
  return reply;
}

test('security.txt has what RFC 9116 asks for, and expires within a year', async () => {
  const contact = 'mailto:security@example.com';
  const policy = 'https://example.com/security';
  const reply = await ask({ contact, policy, languages: 'en, vi' }, 'https://muster.example.com/');
  assert.equal(reply.statusCode, 200);
  assert.equal(reply.headers['content-type'], 'text/plain; charset=utf-8');
  assert.equal(
    reply.body,
    [
      'Contact: mailto:security@example.com',
      'Expires: 2027-02-25T00:00:00Z',
      'Preferred-Languages: en, vi',
      'Policy: https://example.com/security',
      'Canonical: https://muster.example.com/.well-known/security.txt',
      '',
    ].join('\n'),
  );
});

test('an address that is not https is not called canonical, and no policy is invented', async () => {
  const reply = await ask({ contact: 'https://example.com/report' }, 'http://muster.local');
  assert.equal(
    reply.body,
    'Contact: https://example.com/report\nExpires: 2027-02-25T00:00:00Z\nPreferred-Languages: en\n',
  );
});

test('without a contact there is no security.txt, rather than one that nobody reads', async () => {
  const reply = await ask({}, 'https://muster.example.com');
  assert.equal(reply.statusCode, 404);
  assert.match(reply.body, /security\.contact is not set/);
});
