import { ErrorReply, Id, ProviderList, SayReply, SayRequest } from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../platform/http/index.ts';
import type { Providers } from './providers.ts';

export function voiceRoutes(
  app: Http,
  providers: Pick<Providers, 'names'>,
  say: {
    /** NOT_FOUND. */
    readonly deviceOf: (deviceId: string) => Promise<{ readonly deviceId: string; readonly siteId: string }>;
    readonly say: (
      device: { readonly deviceId: string; readonly siteId: string },
      text: string,
    ) => Promise<SayReply['outcome']>;
  },
): void {
  app.post(
    '/api/devices/:deviceId/say',
    {
      config: { action: 'device.announce' },
      schema: {
        tags: ['voice'],
        summary: 'Say words on a device now, also on one that is idle',
        params: Type.Object({ deviceId: Id }),
        body: SayRequest,
        response: { 200: SayReply, '4xx': ErrorReply },
      },
    },
    async (request) => {
      const device = await say.deviceOf(request.params.deviceId);
      request.access.allow(device.siteId);
      return { outcome: await say.say(device, request.body.text) };
    },
  );

  app.get(
    '/api/providers',
    {
      config: { action: 'catalog.read' },
      schema: {
        tags: ['voice'],
        summary: 'Providers that are configured, in the order they are tried',
        response: { 200: ProviderList, '4xx': ErrorReply },
      },
    },
    async () => {
      const { stt, llm, tts } = providers.names();
      return { stt: [...stt], llm: [...llm], tts: [...tts] };
    },
  );
}
