import { type Device, ErrorReply, Id, TurnList } from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import type { Recorder } from './recorder.ts';

const Params = Type.Object({ deviceId: Id });
const Query = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 50 }),
  after: Type.Optional(Id),
});

export function turnRoutes(app: Http, recorder: Recorder, deviceOf: (deviceId: string) => Promise<Device>): void {
  app.get(
    '/api/devices/:deviceId/turns',
    {
      config: { action: 'turn.read' },
      schema: {
        tags: ['voice'],
        summary: 'Turns of a device, newest first',
        params: Params,
        querystring: Query,
        response: { 200: TurnList, '4xx': ErrorReply },
      },
    },
    async (request) => {
      const device = await deviceOf(request.params.deviceId);
      request.access.allow(device.siteId);
      const { limit, after } = request.query;
      const page = await recorder.ofDevice(device.deviceId, limit + 1, after);
      const shown = page.slice(0, limit);
      return { turns: shown, next: page.length > limit ? (shown.at(-1)?.turnId ?? null) : null };
    },
  );
}
