import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createScriptedServer, type ScriptedServer } from '@muster/testkit';
import { createLog } from '../log.ts';
import { becomeActive } from './activation.ts';
import { loadIdentity, saveIdentity } from './identity-file.ts';

let server: ScriptedServer;
before(async () => {
  server = await createScriptedServer();
});
after(() => server.close());

async function stage(activatedBy: string | null) {
  const folder = await mkdtemp(join(tmpdir(), 'muster-activation-'));
  const identity = { ...(await loadIdentity(folder)), activatedBy };
  await saveIdentity(folder, identity);
  const told: string[] = [];
  const logged: string[] = [];
  const stopping = new AbortController();
  const active = becomeActive(
    {
      options: { server: server.otaUrl, board: 'test', language: 'en', proof: 'hmac', ca: undefined },
      folder,
      log: createLog('warn', (line) => logged.push(line)),
      tell: async (code) => {
        told.push(code);
      },
      state: () => undefined,
    },
    identity,
    stopping.signal,
  );
  return { folder, identity, told, logged, stopping, active };
}

test('a device that was active and is a stranger again shows its key once more', async () => {
  server.set({ activation: { code: '112233', challenge: 'c' } });
  const from = server.checkIns.length;
  const { identity, told, active } = await stage(server.otaUrl);
  while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  server.set({ activation: null });
  assert.deepEqual(await active, { url: server.wsUrl, token: 'scripted-token' });
  const shown = server.checkIns.slice(from).map(({ body }) => body.includes(identity.hmacKey));
  assert.deepEqual(shown, [false, true, true]);
  assert.deepEqual(told, ['112233']);
});

test('a challenge without a code is proven in silence', async () => {
  server.set({ activation: { code: '', challenge: 'prove it' } });
  const proofs = server.proofs.length;
  const { told, active } = await stage(server.otaUrl);
  while (server.proofs.length === proofs) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(JSON.parse(server.proofs.at(-1)?.body ?? '').challenge, 'prove it');
  server.set({ activation: null });
  await active;
  assert.deepEqual(told, []);
});

test('who is let in is remembered, and a refusal is no yes', async () => {
  server.set({ activation: null });
  const { folder, active } = await stage(null);
  await active;
  assert.equal((await loadIdentity(folder)).activatedBy, server.otaUrl);

  server.set({ activation: { code: '445566', challenge: 'c' }, pollStatuses: [401] });
  const refused = await stage(null);
  while (refused.logged.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.match(refused.logged[0] ?? '', /refuses the key/);
  refused.stopping.abort();
  await assert.rejects(refused.active, { name: 'AbortError' });
  assert.equal((await loadIdentity(refused.folder)).activatedBy, null);
  server.set({ activation: null, pollStatuses: [200] });
});
