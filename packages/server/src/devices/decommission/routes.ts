import { Decommission, DecommissionRequest, type Device, ErrorReply, Id } from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import type { Decommissions } from './decommissions.ts';

const Params = Type.Object({ deviceId: Id });
const RESET_MS = 10_000;

export function decommissionRoutes(
  app: Http,
  decommissions: Decommissions,
  /** NOT_FOUND. */
  deviceOf: (deviceId: string) => Promise<Device>,
): void {
  const tags = ['credentials'];
  const failures = { '4xx': ErrorReply };

  app.post(
    '/api/devices/:deviceId/decommission',
    {
      config: {
        action: 'device.decommission',
        target: { kind: 'device', param: 'deviceId', read: (id: string) => deviceOf(id) },
      },
      schema: {
        tags,
        summary: 'Tell the device to reset, wipe its keys, erase its data',
        params: Params,
        body: DecommissionRequest,
        response: { 202: Decommission, ...failures },
      },
    },
    async (request, reply) => {
      const device = await deviceOf(request.params.deviceId);
      request.access.allow(device.siteId);
      return reply.status(202).send(await decommissions.begin(device, request.body.resetMs ?? RESET_MS));
    },
  );

  app.get(
    '/api/devices/:deviceId/decommission',
    {
      config: { action: 'device.read' },
      schema: {
        tags,
        summary: 'How far it is; also when nothing else is left of the device',
        params: Params,
        response: { 200: Decommission, ...failures },
      },
    },
    async (request) => {
      const { deviceId } = request.params;
      const found = await decommissions.of(deviceId);
      if (found !== null) {
        request.access.allow(found.siteId);
        return found;
      }
      const { siteId } = await deviceOf(deviceId);
      request.access.allow(siteId);
      const never = { resetConfirmed: false, erasedRows: 0, createdAt: null, endedAt: null };
      return { deviceId, siteId, state: 'none' as const, ...never };
    },
  );
}
