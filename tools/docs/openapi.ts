import { bug } from '@muster/contract';
import type { Accounts } from '../../packages/server/src/accounts/accounts.ts';
import { protectRoutes } from '../../packages/server/src/accounts/protect.ts';
import { accountRoutes } from '../../packages/server/src/accounts/routes.ts';
import { notifierRoutes } from '../../packages/server/src/alerts/outbox/routes.ts';
import { alertRoutes } from '../../packages/server/src/alerts/routes.ts';
import { ruleRoutes } from '../../packages/server/src/alerts/rulebook/routes.ts';
import { commandRoutes } from '../../packages/server/src/commands/routes.ts';
import { runRoutes } from '../../packages/server/src/commands/runs/routes.ts';
import { configSchema } from '../../packages/server/src/config.ts';
import { rotationJobRoutes } from '../../packages/server/src/devices/credentials/jobs/routes.ts';
import { credentialRoutes } from '../../packages/server/src/devices/credentials/routes.ts';
import { decommissionRoutes } from '../../packages/server/src/devices/decommission/routes.ts';
import { groupRoutes } from '../../packages/server/src/devices/groups/routes.ts';
import { profileRoutes } from '../../packages/server/src/devices/profile-routes.ts';
import { deviceRoutes } from '../../packages/server/src/devices/routes.ts';
import { twinRoutes } from '../../packages/server/src/devices/twin/routes.ts';
import { certificateRoutes } from '../../packages/server/src/devices/x509/routes.ts';
import { deviceApiRoutes } from '../../packages/server/src/gateway/device/http.ts';
import { incidentRoutes } from '../../packages/server/src/operations/incidents/routes.ts';
import { operationRoutes } from '../../packages/server/src/operations/routes.ts';
import { secretsRoutes } from '../../packages/server/src/operations/secrets-routes.ts';
import { createHttp } from '../../packages/server/src/platform/http/index.ts';
import { createLogger } from '../../packages/server/src/platform/log.ts';
import { createMetrics } from '../../packages/server/src/platform/metrics.ts';
import { readSettings } from '../../packages/server/src/platform/settings.ts';
import { siteRoutes } from '../../packages/server/src/sites/routes.ts';
import { telemetryRoutes } from '../../packages/server/src/telemetry/routes.ts';
import { transferRoutes } from '../../packages/server/src/telemetry/transfer/routes.ts';
import { assistantRoutes } from '../../packages/server/src/voice/assistants/routes.ts';
import { turnRoutes } from '../../packages/server/src/voice/recorder/routes.ts';
import { voiceRoutes } from '../../packages/server/src/voice/routes.ts';
import type { OpenApi } from './http-page.ts';

/**
 * The OpenAPI document of the server's API without a server: routes are registered, none is called, so nothing behind
 * them is needed. tests/http-api.test.ts compares it with that of a running server.
 */
export async function openApi(): Promise<OpenApi> {
  const config = readSettings(configSchema, { environment: {}, flags: [] });
  const http = await createHttp(config.http, createLogger('silent'), createMetrics(), '');
  const accounts = {
    users: absent<Accounts['users']>(),
    invitations: absent<Accounts['invitations']>(),
    credentials: absent<Accounts['credentials']>(),
    sessions: absent<Accounts['sessions']>(),
    signIn: absent<Accounts['signIn']>(),
    oidc: null,
    factors: absent<Accounts['factors']>(),
    apiKeys: absent<Accounts['apiKeys']>(),
    audit: absent<Accounts['audit']>(),
    book: absent<Accounts['book']>(),
    sealer: absent<Accounts['sealer']>(),
    count: absent<Accounts['count']>(),
    base: absent<Accounts['base']>(),
  };
  protectRoutes(http, { ...accounts, clock: absent() });
  accountRoutes(http, accounts, { now: absent(), publicUrl: null, afterSetup: absent() });
  siteRoutes(http, absent());
  assistantRoutes(http, absent(), absent());
  deviceRoutes(http, absent(), absent());
  certificateRoutes(http, absent(), absent());
  credentialRoutes(http, absent(), absent());
  profileRoutes(http);
  twinRoutes(http, absent(), absent());
  decommissionRoutes(http, absent(), absent());
  groupRoutes(http, absent(), absent());
  rotationJobRoutes(http, absent(), absent());
  telemetryRoutes(http, absent(), absent());
  transferRoutes(http, {
    audit: absent(),
    clock: absent(),
    telemetry: absent(),
    deviceOf: absent(),
    devicesOf: absent(),
  });
  commandRoutes(http, absent(), absent());
  runRoutes(http, absent(), absent());
  ruleRoutes(http, absent());
  notifierRoutes(http, absent());
  alertRoutes(http, absent(), absent());
  deviceApiRoutes(http, {
    api: absent(),
    inbox: absent(),
    tokens: absent(),
    rates: absent(),
    clock: absent(),
    certificateOf: absent(),
  });
  turnRoutes(http, absent(), absent());
  voiceRoutes(http, absent(), absent());
  incidentRoutes(http, absent());
  secretsRoutes(http, { rotation: absent(), audit: absent() });
  operationRoutes(http, absent());
  await http.ready();
  // the plug-in's own type reaches only the files of the server
  const { swagger } = http as unknown as { swagger(): OpenApi };
  const document = swagger();
  await http.close();
  return document;
}

/** Stands for what a route would use if it were called. Using it is a fault of this file. */
function absent<T>(): T {
  const refuse = (): never => {
    throw bug('a route was called while the documents were made');
  };
  return new Proxy(refuse, { get: refuse }) as T;
}
