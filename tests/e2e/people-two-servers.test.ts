import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ApiKeyCreated, type InvitationCreated, LIVE_PATH, type SessionReply } from '@muster/contract';
import { type ServerProcess, STUB_MAIN, startServerProcess } from '../../bench/server-process.ts';
import { openViewer } from '../../packages/server/src/gateway/live/live.fixture.ts';
import { natsMissing, startNats } from '../../packages/server/src/platform/bus/nats-server.fixture.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../packages/server/src/platform/db/index.ts';
import { copyTestCluster } from '../../packages/server/src/platform/db/test-cluster.fixture.ts';
import { createLogger } from '../../packages/server/src/platform/log.ts';

/** What is promised: a live socket sees nothing more so long after its rights ended, on whichever server, ms. */
const LIMIT_MS = 5_000;
const PASSWORD = 'lantern harbour seventeen kites';

interface Person {
  readonly userId: string;
  readonly email: string;
  readonly token: string;
}

for (const bus of ['up', 'down'] as const) {
  describe(`rights that end at one server end at the other, the bus ${bus}`, {
    skip: bus === 'up' && natsMissing(),
  }, () => {
    let directory: string;
    let postgres: EmbeddedPostgres;
    let a: ServerProcess;
    let b: ServerProcess;
    let siteId: string;
    const ends: (() => Promise<unknown> | undefined)[] = [];

    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'muster-people-'));
      await copyTestCluster(join(directory, 'database'));
      postgres = await startEmbeddedPostgres(join(directory, 'database'), createLogger('silent'));
      const nats = bus === 'up' ? await startNats() : null;
      ends.push(() => nats?.kill());
      const start = (name: string): Promise<ServerProcess> =>
        startServerProcess({
          main: STUB_MAIN,
          dataDir: join(directory, name),
          flags: [
            `--database.url=${postgres.connectionString}`,
            '--database.poolSize=6',
            `--secrets.key=${Buffer.alloc(32, 7).toString('base64')}`,
            ...(nats === null ? [] : [`--bus.url=${nats.url}`]),
          ],
          onLog: () => undefined,
        });
      a = await start('a');
      ends.push(() => a.stop());
      b = await start('b');
      ends.push(() => b.stop());
      siteId = (await a.call<{ sites: { siteId: string }[] }>('GET', '/api/sites')).sites[0]?.siteId ?? '';
    });
    after(async () => {
      for (const end of ends.reverse()) await end();
      await postgres?.stop();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    });

    async function person(): Promise<Person> {
      const email = `${randomUUID()}@example.com`;
      const { link } = await a.call<InvitationCreated>('POST', '/api/invitations', { siteId, email, role: 'operator' });
      const token = new URL(link ?? '').searchParams.get('token');
      const accepted = { token, name: 'Kim', password: PASSWORD };
      const { user, token: session } = await a.call<SessionReply>('POST', '/api/invitations/accept', accepted);
      return { userId: user.userId, email, token: session };
    }

    const as = ({ token }: Person) => ({ authorization: `Bearer ${token}` });
    const statusAt = async (server: ServerProcess, path: string, token: string): Promise<number> =>
      (await fetch(server.url + path, { headers: { authorization: `Bearer ${token}` } })).status;

    /** Watches the site at B, lets `end` happen at A, and says how the connection went and how long it took. */
    async function watched(who: Person, end: () => Promise<unknown>) {
      const viewer = await openViewer(b.url.replace('http:', 'ws:') + LIVE_PATH, who.token);
      viewer.send({ type: 'subscribe', topic: `site/${siteId}/presence` });
      await viewer.next(({ type }) => type === 'snapshot');
      await end();
      const begun = performance.now();
      return { viewer, tookMs: () => Math.round(performance.now() - begun) };
    }

    const endings: Readonly<Record<string, (who: Person) => Promise<unknown>>> = {
      'who signs out': (who) => a.call('DELETE', '/api/sessions/current', undefined, as(who)),
      'whose sessions an administrator ends': (who) => a.call('DELETE', `/api/users/${who.userId}/sessions`),
      'who is deactivated': (who) => a.call('PATCH', `/api/users/${who.userId}`, { state: 'deactivated' }),
      'who is deleted': (who) => a.call('DELETE', `/api/users/${who.userId}`),
      'who changes the password elsewhere': async (who) => {
        const { token } = await a.call<SessionReply>('POST', '/api/sessions', { email: who.email, password: PASSWORD });
        const change = { current: PASSWORD, password: `another ${PASSWORD}` };
        await a.call('POST', '/api/me/password', change, { authorization: `Bearer ${token}` });
      },
    };
    for (const [name, end] of Object.entries(endings)) {
      test(`${name} is closed and refused there`, async () => {
        const who = await person();
        assert.equal(await statusAt(b, '/api/me', who.token), 200);
        const { viewer, tookMs } = await watched(who, () => end(who));
        assert.equal(await statusAt(b, '/api/me', who.token), 401, 'at the next request');
        assert.equal((await viewer.closed()).reason, 'SIGN_IN_REQUIRED');
        assert.ok(tookMs() <= LIMIT_MS, `${tookMs()} ms`);
      });
    }

    test('who loses the site loses its topics there', async () => {
      const who = await person();
      const { viewer, tookMs } = await watched(who, () =>
        a.call('DELETE', `/api/sites/${siteId}/members/${who.userId}`),
      );
      const path = `/api/sites/${siteId}`;
      assert.ok([403, 404].includes(await statusAt(b, path, who.token)), 'at the next request');
      const lost = await viewer.next(({ type }) => type === 'error');
      assert.ok(lost.type === 'error' && lost.topic === `site/${siteId}/presence`, JSON.stringify(lost));
      assert.ok(tookMs() <= LIMIT_MS, `${tookMs()} ms`);
      viewer.end();
    });

    test('a key that is taken back is refused there at the next request', async () => {
      const { key, secret } = await a.call<ApiKeyCreated>('POST', '/api/api-keys', {
        siteId,
        name: 'Reads',
        actions: ['device.read', 'device.list'],
      });
      const path = `/api/devices?siteId=${siteId}`;
      assert.equal(await statusAt(b, path, secret), 200);
      await a.call('DELETE', `/api/api-keys/${key.keyId}`);
      assert.equal(await statusAt(b, path, secret), 401);
    });
  });
}
