import { ErrorReply, ProviderList } from '@muster/contract';
import type { Http } from '../platform/http/index.ts';
import type { Providers } from './providers.ts';

export function voiceRoutes(app: Http, providers: Pick<Providers, 'names'>): void {
  app.get(
    '/api/providers',
    {
      config: { action: 'account.own' },
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
