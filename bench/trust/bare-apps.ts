import type { AddressInfo } from 'node:net';
import { Value } from 'typebox/value';
import { createAccess } from '../../packages/server/src/accounts/access.ts';
import type { Caller } from '../../packages/server/src/accounts/audit/index.ts';
import type { Actor } from '../../packages/server/src/accounts/index.ts';
import { devicesConfig } from '../../packages/server/src/devices/config.ts';
import { createDevices, createGroups, groupRoutes } from '../../packages/server/src/devices/index.ts';
import { createInProcessBus } from '../../packages/server/src/platform/bus/index.ts';
import { systemClock as clock } from '../../packages/server/src/platform/clock.ts';
import type { OpenDatabase } from '../../packages/server/src/platform/db/index.ts';
import { createHttp, type Http, httpConfig } from '../../packages/server/src/platform/http/index.ts';
import { createLogger } from '../../packages/server/src/platform/log.ts';
import { createMetrics } from '../../packages/server/src/platform/metrics.ts';
import type { Vault } from '../../packages/server/src/platform/vault/index.ts';

/** Who calls is known without asking: an administrator. */
const ADMINISTRATOR: Actor = {
  kind: 'user',
  userId: '',
  roles: new Map(),
  administrator: true,
  support: false,
  provedAt: Number.MAX_SAFE_INTEGER,
  lacksFactor: false,
};
const CALLER: Caller = {
  address: null,
  requestId: null,
  sessionId: null,
  actor: { kind: 'user', id: null, name: null },
};

/**
 * The routes of groups as the server has them, on its own database, behind the same HTTP; but whoever calls may do
 * everything, nobody is looked up, and nothing is audited: what is left is the work itself.
 */
export async function startBareApp(
  database: OpenDatabase,
  vault: Vault,
  /** Looks up who calls, as the server does, and nothing more. */
  lookUp: ((token: string) => Promise<unknown>) | null,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const log = createLogger('silent');
  const devices = createDevices({
    db: database.for(),
    clock,
    bus: createInProcessBus(log),
    log,
    vault,
    config: Value.Create(devicesConfig),
  });
  const groups = createGroups({ db: database.for(), clock, devices });
  const app: Http = await createHttp(Value.Create(httpConfig) as never, log, createMetrics(), '0');
  app.decorateRequest('access');
  app.addHook('onRequest', async (request) => {
    const { action = 'server.look' } = request.routeOptions.config;
    if (lookUp !== null) await lookUp((request.headers.authorization ?? '').slice('Bearer '.length));
    request.access = createAccess({ session: null, actor: ADMINISTRATOR, caller: CALLER }, action, clock.now());
  });
  groupRoutes(app, groups, async () => null);
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, close: () => app.close() };
}
