import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import type { DeviceCreated, Group, Site } from '@muster/contract';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { operationsOf } from '../permissions/operations.ts';

/** Text that is more than text somewhere else: in a page, in a path, in a table. */
let muster: TestServer;
before(async () => {
  muster = await startTestServer();
});
after(() => muster?.stop());

/** The path as it is: a client of ours would tidy it up. */
function ask(path: string, headers: Record<string, string> = {}) {
  const { hostname, port } = new URL(muster.url);
  return new Promise<{ status: number; type: string; text: string }>((resolve, fail) => {
    const sent = request({ hostname, port, path, headers }, (reply) => {
      let text = '';
      reply.setEncoding('utf8');
      reply.on('data', (part: string) => {
        text += part;
      });
      reply.on('end', () =>
        resolve({ status: reply.statusCode ?? 0, type: reply.headers['content-type'] ?? '', text }),
      );
    });
    sent.on('error', fail);
    sent.end();
  });
}

const OUT = [
  '../../../../../../etc/passwd',
  '..%2f..%2f..%2f..%2fetc%2fpasswd',
  '%2e%2e/%2e%2e/%2e%2e/etc/passwd',
  '..%252f..%252fetc%252fpasswd',
  '....//....//etc/passwd',
  '..\\..\\..\\etc\\passwd',
  '..%5c..%5cetc%5cpasswd',
  '%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd',
  '/etc/passwd',
  'file:%2f%2f%2fetc%2fpasswd',
  'pages.js%00.css',
  '.git/config',
  'package.json',
];

test('no path leads to a file that is not meant', async () => {
  const token = { authorization: `Bearer ${muster.token}` };
  const places = ['/pages/', '/api/docs/static/', '/api/docs/', '/.well-known/', '/', '/xiaozhi/ota/', '/api/'];
  for (const { method, path } of operationsOf(muster.server.openapi())) {
    if (method === 'GET' && path.endsWith('}')) places.push(path.slice(0, path.lastIndexOf('{')));
  }
  assert.ok(places.length > 15, String(places.length));
  for (const place of new Set(places)) {
    for (const out of OUT) {
      const { status, text } = await ask(
        place.replaceAll(/\{\w+\}/g, '019a0000-0000-7000-8000-000000000001') + out,
        token,
      );
      assert.ok(status < 500, `${place}${out} answered ${status}`);
      assert.ok(!/root:.*:0:0:|\[core\]|"workspaces"/.test(text), `${place}${out} answered with a file`);
    }
  }
});

const MARKUP = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'-alert(1)-'",
  '</title><svg onload=alert(1)>',
  '{{constructor.constructor("alert(1)")()}}',
  'javascript:alert(1)',
];

test('markup that people store is JSON in every answer, and in no page', async () => {
  const token = { authorization: `Bearer ${muster.token}` };
  for (const name of MARKUP) {
    const { siteId } = await muster.call<Site>('POST', '/api/sites', { name });
    await muster.call<Group>('POST', '/api/groups', { siteId, name, deviceIds: [] });
    await muster.call<DeviceCreated>('POST', '/api/devices', { siteId, name, tags: [] });
    await muster.call('PATCH', '/api/me', { name });
    for (const path of ['/sign-in', '/setup', '/invitation', '/reset', '/confirm', '/account']) {
      const query = `?token=${encodeURIComponent(name)}&returnTo=${encodeURIComponent(name)}&error=${encodeURIComponent(name)}`;
      for (const headers of [token, { cookie: `muster_session=${muster.token}` }]) {
        const { text, type } = await ask(path + query, headers);
        assert.match(type, /^text\/html/, path);
        assert.ok(!text.includes(name), `${path} has ${name} as it is`);
      }
    }
  }
  for (const { method, path, parameters } of operationsOf(muster.server.openapi())) {
    if (method !== 'GET' || path.includes('{') || parameters.some(({ required }) => required)) continue;
    const { type } = await ask(path, token);
    assert.ok(!/html|xml|javascript/.test(type), `${path} is ${type}`);
  }
});

test('what the audit exports as a table runs in no spreadsheet', async () => {
  const names = ['=HYPERLINK("http://evil.example")', '+1+1', '-2', '@SUM(A1)', '＝1+1', "'=1"];
  for (const name of names) await muster.call<Site>('POST', '/api/sites', { name });
  const text = await muster.text('/api/audit/export?format=csv');
  assert.ok(text.includes('HYPERLINK'), 'the names are in it');
  // a cell begins after a comma, a line break, or a quote that follows one of these
  assert.doesNotMatch(text, /(?:^|[,\n])"?[=+\-@＝＋－＠]/);
});
