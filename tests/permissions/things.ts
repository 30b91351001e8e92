import { randomUUID } from 'node:crypto';
import type {
  Alert,
  AlertList,
  ApiKeyCreated,
  Assistant,
  Command,
  DeviceCreated,
  Group,
  InvitationCreated,
} from '@muster/contract';
import { bug } from '@muster/contract';
import type { TestServer } from '@muster/server/testing';
import { createForge } from '../../packages/server/src/devices/x509/forge.fixture.ts';

/** Makes the things that paths and bodies name, at the first site of a server, as its administrator. */
export interface Things {
  /** By the name of the parameter: a fresh one for what uses it up, else one that all share. Throws for an unknown name. */
  make(parameter: string, isFresh: boolean): Promise<string>;
  /** What the body of a route needs besides the least that its schema takes. */
  body(route: string): Promise<Readonly<Record<string, unknown>>>;
  end(): void;
}

export async function createThings(muster: TestServer): Promise<Things> {
  const { siteId } = muster;
  const forge = createForge();
  const post = <T>(path: string, body: object): Promise<T> => muster.call<T>('POST', path, body);
  const device = async (): Promise<string> =>
    (await post<DeviceCreated>('/api/devices', { siteId, name: `D ${randomUUID()}` })).device.deviceId;
  const group = async (): Promise<string> =>
    (await post<Group>('/api/groups', { siteId, name: `G ${randomUUID()}`, deviceIds: [] })).groupId;
  const alertId = await raiseAlert(muster, siteId);
  const authority = (): string => forge.authority(`Authority ${randomUUID()}`).cert;
  const inAnHour = Date.now() + 3_600_000;

  const makers: Readonly<Record<string, () => Promise<string>>> = {
    siteId: async () => siteId,
    deviceId: device,
    groupId: group,
    alertId: async () => alertId,
    assistantId: async () => (await post<Assistant>(`/api/sites/${siteId}/assistants`, { name: 'A' })).assistantId,
    ruleId: async () => {
      const params = { series: 'x', side: 'above', limit: 1 };
      const rule = { siteId, name: 'R', kind: 'threshold', params };
      return (await post<{ ruleId: string }>('/api/alert-rules', rule)).ruleId;
    },
    notifierId: async () => (await post<{ notifierId: string }>('/api/notifiers', notifier(siteId))).notifierId,
    maintenanceId: async () => {
      const span = { siteId, beginsAt: Date.now(), endsAt: inAnHour };
      return (await post<{ maintenanceId: string }>('/api/maintenance', span)).maintenanceId;
    },
    keyId: async () => {
      const key = { siteId, name: 'K', actions: ['device.read'] };
      return (await post<ApiKeyCreated>('/api/api-keys', key)).key.keyId;
    },
    commandId: async () => (await post<Command>(`/api/devices/${await device()}/commands`, { name: 'x' })).commandId,
    runId: async () => {
      const run = { name: 'x', atOnce: 1 };
      return (await post<{ runId: string }>(`/api/groups/${await group()}/commands`, run)).runId;
    },
    jobId: async () => (await post<{ jobId: string }>('/api/rotation-jobs', { siteId, tag: 'none' })).jobId,
    invitationId: async () => {
      const wanted = { siteId, email: `${randomUUID()}@example.com`, role: 'viewer' };
      return (await post<InvitationCreated>('/api/invitations', wanted)).invitation.invitationId;
    },
    userId: async () => (await muster.person('viewer')).userId,
    serialNumber: async () => {
      const serialNumber = randomUUID();
      await post('/api/device-keys', { siteId, serialNumber, hmacKey: 'ab'.repeat(16) });
      return serialNumber;
    },
    incidentId: async () => {
      const incident = { kind: 'severe-incident', title: 'I' };
      return (await post<{ incidentId: string }>('/api/incidents', incident)).incidentId;
    },
    duty: async () => 'early-warning',
    authorityId: async () => {
      const made = { siteId, certificate: authority() };
      return (await post<{ authorityId: string }>('/api/certificate-authorities', made)).authorityId;
    },
    // of the caller alone: nobody else has any
    passkeyId: async () => randomUUID(),
    sessionId: async () => randomUUID(),
    token: async () => randomUUID(),
  };

  const bodies: Readonly<Record<string, () => Promise<object>>> = {
    'POST /api/alert-rules': async () => ({ kind: 'threshold', params: { series: 'x', side: 'above', limit: 1 } }),
    'POST /api/alerts/{alertId}/assign': async () => ({ userId: null }),
    'POST /api/alerts/{alertId}/snooze': async () => ({ until: inAnHour }),
    'POST /api/api-keys': async () => ({ actions: ['device.read'] }),
    'POST /api/certificate-authorities': async () => ({ certificate: authority() }),
    'POST /api/certificate-authorities/{authorityId}/revocations': async () => ({ certificate: 'ab'.repeat(32) }),
    'POST /api/device-keys': async () => ({ serialNumber: randomUUID(), hmacKey: 'ab'.repeat(16) }),
    'POST /api/devices/activate': async () => ({ code: '123456' }),
    'POST /api/devices/batch/revoke': async () => ({ deviceIds: [await device()] }),
    'POST /api/devices/batch': async () => ({ devices: [{ name: `B ${randomUUID()}` }] }),
    'POST /api/devices/{deviceId}/certificates': async () => ({ certificate: authority() }),
    'POST /api/groups': async () => ({ name: `G ${randomUUID()}`, deviceIds: [] }),
    'POST /api/groups/{groupId}/commands': async () => ({ atOnce: 1 }),
    'POST /api/invitations': async () => ({ email: `${randomUUID()}@example.com`, role: 'viewer' }),
    'POST /api/maintenance': async () => ({ beginsAt: Date.now(), endsAt: inAnHour }),
    'POST /api/me/email': async () => ({ email: `${randomUUID()}@example.com` }),
    'POST /api/me/password': async () => ({ current: 'not that one', password: 'not that one either' }),
    'POST /api/me/totp/confirm': async () => ({ code: '000000' }),
    'POST /api/notifiers': async () => notifier(siteId),
    'PATCH /api/sites/{siteId}/members/{userId}': async () => ({ role: 'viewer' }),
  };

  const shared = new Map<string, Promise<string>>();

  return {
    make(parameter, isFresh) {
      const maker = makers[parameter];
      if (maker === undefined)
        throw bug(`the matrix does not know how to make a ${parameter}: teach tests/permissions/things.ts`);
      if (isFresh) return maker();
      const made = shared.get(parameter) ?? maker();
      shared.set(parameter, made);
      return made;
    },
    body: async (route) => ({ siteId, ...(await bodies[route]?.()) }),
    end: () => forge.remove(),
  };
}

const notifier = (siteId: string) => ({
  siteId,
  kind: 'webhook',
  name: 'W',
  settings: { url: 'https://hooks.example.com/x' },
});

async function raiseAlert(muster: TestServer, siteId: string): Promise<string> {
  const { token } = await muster.call<DeviceCreated>('POST', '/api/devices', { siteId, name: 'Hot' });
  const params = { series: 'heat', side: 'above', limit: 80 };
  await muster.call('POST', '/api/alert-rules', { siteId, name: 'too hot', kind: 'threshold', params });
  for (let tries = 0; tries < 200; tries++) {
    await fetch(`${muster.url}/device/v1/telemetry`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ values: { heat: 99 } }),
    });
    const { alerts } = await muster.call<AlertList>('GET', `/api/alerts?siteId=${siteId}`);
    const found = alerts.find(({ ruleName }: Alert) => ruleName === 'too hot');
    if (found !== undefined) return found.alertId;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw bug('no alert was raised');
}
