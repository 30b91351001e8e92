import {
  type Device,
  type DeviceCertificate,
  type DeviceCredential,
  DeviceCredentials,
  ErrorReply,
  Id,
  RotateReply,
  RotateRequest,
} from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import type { Credentials } from './credentials.ts';

const Params = Type.Object({ deviceId: Id });

export function credentialRoutes(
  app: Http,
  credentials: Credentials,
  lookups: {
    /** NOT_FOUND. */
    readonly deviceOf: (deviceId: string) => Promise<Device>;
    readonly certificatesOf: (device: Device) => Promise<readonly DeviceCertificate[]>;
    readonly now: () => number;
  },
): void {
  const tags = ['credentials'];
  const failures = { '4xx': ErrorReply };
  const target = { kind: 'device', param: 'deviceId', read: (id: string) => lookups.deviceOf(id) };

  async function shown(device: Device): Promise<DeviceCredentials> {
    const own = await credentials.of(device.deviceId);
    const now = lookups.now();
    const certificates = (await lookups.certificatesOf(device)).map(
      (one): DeviceCredential => ({
        kind: 'certificate',
        state: one.revoked ? 'revoked' : one.endsAt <= now ? 'ended' : 'active',
        fingerprint: one.fingerprint,
        madeAt: one.createdAt,
        lastUsedAt: null,
        endsAt: one.endsAt,
      }),
    );
    return { ...own, credentials: [...own.credentials, ...certificates] };
  }

  app.get(
    '/api/devices/:deviceId/credentials',
    {
      config: { action: 'device.read' },
      schema: {
        tags,
        summary: 'With what the device signs in, and how the last change of its token went; never the secrets',
        params: Params,
        response: { 200: DeviceCredentials, ...failures },
      },
    },
    async (request) => {
      const device = await lookups.deviceOf(request.params.deviceId);
      request.access.allow(device.siteId);
      return shown(device);
    },
  );

  app.post(
    '/api/devices/:deviceId/credentials/rotate',
    {
      config: { action: 'device.rotate', target },
      schema: {
        tags,
        summary: 'A new token for the device; the old one works until the new one was used',
        params: Params,
        body: RotateRequest,
        response: { 201: RotateReply, ...failures },
      },
    },
    async (request, reply) => {
      const device = await lookups.deviceOf(request.params.deviceId);
      request.access.allow(device.siteId);
      return reply.status(201).send(await credentials.begin(device, request.body));
    },
  );

  app.post(
    '/api/devices/:deviceId/credentials/release',
    {
      config: { action: 'device.release', target },
      schema: {
        tags,
        summary: 'Let a device in again that was shut out because two seemed to use its identity',
        params: Params,
        response: { 200: DeviceCredentials, ...failures },
      },
    },
    async (request) => {
      const device = await lookups.deviceOf(request.params.deviceId);
      request.access.allow(device.siteId);
      await credentials.release(device.deviceId);
      return shown(device);
    },
  );

  app.post(
    '/api/devices/:deviceId/credentials/rotation/cancel',
    {
      config: { action: 'device.rotate', target },
      schema: {
        tags,
        summary: 'Take a new token back that was not used yet; the old one goes on working',
        params: Params,
        response: { 200: DeviceCredentials, ...failures },
      },
    },
    async (request) => {
      const device = await lookups.deviceOf(request.params.deviceId);
      request.access.allow(device.siteId);
      await credentials.cancel(device.deviceId);
      return shown(device);
    },
  );
}
