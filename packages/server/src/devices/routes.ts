import {
  ActivateReply,
  ActivateRequest,
  DEVICE_STATES,
  Device,
  DeviceBatchCreate,
  DeviceBatchCreated,
  DeviceBatchRevoke,
  DeviceBatchRevoked,
  DeviceChange,
  DeviceCreate,
  DeviceCreated,
  DeviceKeyRegister,
  DeviceList,
  DeviceToken,
  ErrorReply,
  type Group,
  Id,
  LIMITS,
  literals,
  MusterError,
  Tag,
} from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../platform/http/index.ts';
import type { Devices } from './devices.ts';
import { siteMeant } from './site-meant.ts';

const Params = Type.Object({ deviceId: Id });
const KeyParams = Type.Object({ serialNumber: DeviceKeyRegister.properties.serialNumber });
const KeyQuery = Type.Object({ siteId: Type.Optional(Id) });
const ListQuery = Type.Object({
  siteId: Type.Optional(Id),
  tag: Type.Optional(Tag),
  profile: Type.Optional(Type.String({ maxLength: 64 })),
  connected: Type.Optional(Type.Boolean()),
  state: Type.Optional(literals(DEVICE_STATES)),
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'How the name begins' })),
  called: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'The whole name, hardware id or serial number' }),
  ),
  group: Type.Optional(Id),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }),
  after: Type.Optional(Id),
});

export function deviceRoutes(
  app: Http,
  devices: Devices,
  lookups: {
    /** The site of an assistant; NOT_FOUND when there is no such assistant. */
    readonly siteOfAssistant: (assistantId: string) => Promise<string>;
    /** The site meant when a caller names none: their only one. */
    readonly onlySite: (sites: readonly string[] | null) => Promise<string | null>;
    /** NOT_FOUND when there is no such group. */
    readonly group: (groupId: string) => Promise<Group>;
  },
): void {
  const tags = ['devices'];
  const target = { kind: 'device', param: 'deviceId', read: (id: string) => devices.get(id) };
  const failures = { '4xx': ErrorReply };

  app.get(
    '/api/devices',
    {
      config: { action: 'device.list' },
      schema: {
        tags,
        summary: 'Devices, newest first',
        querystring: ListQuery,
        response: { 200: DeviceList, ...failures },
      },
    },
    async (request) => {
      const { limit, group: groupId, ...rest } = request.query;
      const { sites } = request.access;
      const group = groupId === undefined ? null : await lookups.group(groupId);
      // somebody else's group is none
      if (group !== null && sites?.includes(group.siteId) === false) throw new MusterError('NOT_FOUND', { groupId });
      const page = await devices.list({ ...rest, ...(group === null ? {} : { group }), sites, limit: limit + 1 });
      const shown = page.slice(0, limit);
      return { devices: shown, next: page.length > limit ? (shown.at(-1)?.deviceId ?? null) : null };
    },
  );

  app.post(
    '/api/devices',
    {
      config: { action: 'device.create', target: { kind: 'device', replyId: 'deviceId' } },
      schema: {
        tags,
        summary: 'Make a device and the token that it signs in with',
        body: DeviceCreate,
        response: { 201: DeviceCreated, ...failures },
      },
    },
    async (request, reply) => {
      const siteId = await siteMeant(request.body.siteId, request.access.sites, lookups.onlySite);
      request.access.allow(siteId);
      return reply.status(201).send(await devices.create({ ...request.body, siteId }));
    },
  );

  app.post(
    '/api/devices/batch',
    {
      config: { action: 'device.create', target: { kind: 'device' } },
      bodyLimit: LIMITS.deviceBatchBytes,
      schema: {
        tags,
        summary: `Make up to ${LIMITS.devicesPerBatch} devices at once, all or none`,
        body: DeviceBatchCreate,
        response: { 201: DeviceBatchCreated, ...failures },
      },
    },
    async (request, reply) => {
      const siteId = await siteMeant(request.body.siteId, request.access.sites, lookups.onlySite);
      request.access.allow(siteId);
      return reply.status(201).send({ devices: await devices.createAll(siteId, request.body.devices) });
    },
  );

  app.post(
    '/api/devices/batch/revoke',
    {
      config: { action: 'device.revoke', target: { kind: 'device' } },
      schema: {
        tags,
        summary: `Revoke up to ${LIMITS.devicesPerBatch} devices at once; answers with those that it revoked`,
        body: DeviceBatchRevoke,
        response: { 200: DeviceBatchRevoked, ...failures },
      },
    },
    async (request) => {
      const siteId = await siteMeant(request.body.siteId, request.access.sites, lookups.onlySite);
      request.access.allow(siteId);
      return { deviceIds: await devices.revokeAll(request.body.deviceIds, siteId) };
    },
  );

  app.post(
    '/api/devices/:deviceId/tokens',
    {
      config: { action: 'device.create', target },
      schema: {
        tags,
        summary: 'Another token for a device; the newest three work',
        params: Params,
        response: { 201: DeviceToken, ...failures },
      },
    },
    async (request, reply) => {
      const device = await devices.get(request.params.deviceId);
      request.access.allow(device.siteId);
      return reply.status(201).send({ token: await devices.newToken(device.deviceId) });
    },
  );

  app.post(
    '/api/devices/activate',
    {
      config: { action: 'device.activate', target: { kind: 'device', replyId: 'deviceId' } },
      schema: {
        tags,
        summary: 'Type the six digits that a device shows',
        body: ActivateRequest,
        response: { 200: ActivateReply, ...failures },
      },
    },
    async (request) => {
      const siteId = await siteMeant(request.body.siteId, request.access.sites, lookups.onlySite);
      request.access.allow(siteId);
      const person = request.access.session?.user.userId ?? '';
      return devices.approve({ ...request.body, siteId }, [request.ip, person]);
    },
  );

  app.post(
    '/api/device-keys',
    {
      config: { action: 'device.registerKey', target: { kind: 'device key' } },
      schema: {
        tags,
        summary: 'Register the key of a device before it knocks',
        body: DeviceKeyRegister,
        response: { 204: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      request.access.allow(request.body.siteId ?? null);
      await devices.registerKey(request.body);
      return reply.status(204).send(null);
    },
  );

  app.delete(
    '/api/device-keys/:serialNumber',
    {
      config: { action: 'device.registerKey', target: { kind: 'device key', param: 'serialNumber' } },
      schema: {
        tags,
        summary: 'Forget a registered key',
        params: KeyParams,
        querystring: KeyQuery,
        response: { 204: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      const siteId = request.query.siteId ?? null;
      request.access.allow(siteId);
      await devices.deleteKey(request.params.serialNumber, siteId);
      return reply.status(204).send(null);
    },
  );

  app.get(
    '/api/devices/:deviceId',
    {
      config: { action: 'device.read' },
      schema: { tags, summary: 'One device', params: Params, response: { 200: Device, ...failures } },
    },
    async (request) => {
      const device = await devices.get(request.params.deviceId);
      request.access.allow(device.siteId);
      return device;
    },
  );

  app.patch(
    '/api/devices/:deviceId',
    {
      config: { action: 'device.change', target },
      schema: {
        tags,
        summary: 'Rename it, point it at an assistant',
        params: Params,
        body: DeviceChange,
        response: { 200: Device, ...failures },
      },
    },
    async (request) => {
      const device = await devices.get(request.params.deviceId);
      request.access.allow(device.siteId);
      const { assistantId } = request.body;
      if (assistantId != null && (await lookups.siteOfAssistant(assistantId)) !== device.siteId) {
        throw new MusterError('NOT_FOUND', { assistantId });
      }
      return devices.change(device.deviceId, request.body);
    },
  );

  app.post(
    '/api/devices/:deviceId/revoke',
    {
      config: { action: 'device.revoke', target },
      schema: {
        tags,
        summary: 'End its tokens and close its socket',
        params: Params,
        response: { 204: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      const device = await devices.get(request.params.deviceId);
      request.access.allow(device.siteId);
      await devices.revoke(device.deviceId);
      return reply.status(204).send(null);
    },
  );
}
