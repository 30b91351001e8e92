import { ErrorReply, Id, Twin, TwinPatch } from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import type { Twins } from './twins.ts';

const Params = Type.Object({ deviceId: Id });

export function twinRoutes(
  app: Http,
  twins: Twins,
  /** NOT_FOUND. */
  deviceOf: (deviceId: string) => Promise<{ readonly deviceId: string; readonly siteId: string }>,
): void {
  const tags = ['twins'];
  const failures = { '4xx': ErrorReply };

  app.get(
    '/api/devices/:deviceId/twin',
    {
      config: { action: 'twin.read' },
      schema: {
        tags,
        summary: 'What is wanted of a device, and what it says it is',
        params: Params,
        response: { 200: Twin, ...failures },
      },
    },
    async (request) => {
      const device = await deviceOf(request.params.deviceId);
      request.access.allow(device.siteId);
      return twins.read(device.deviceId);
    },
  );

  app.patch(
    '/api/devices/:deviceId/twin/desired',
    {
      config: { action: 'twin.change', target: { kind: 'twin', param: 'deviceId', read: (id) => twins.read(id) } },
      schema: {
        tags,
        summary: 'Say what a device shall be; it is told at once, or when it comes back',
        params: Params,
        body: TwinPatch,
        response: { 200: Twin, ...failures },
      },
    },
    async (request) => {
      const device = await deviceOf(request.params.deviceId);
      request.access.allow(device.siteId);
      return twins.desire(device, request.body.patch, request.body.version);
    },
  );
}
