import { ErrorReply, ProfileList } from '@muster/contract';
import { profiles } from '@muster/profiles';
import type { Http } from '../platform/http/index.ts';

export function profileRoutes(app: Http): void {
  app.get(
    '/api/profiles',
    {
      config: { action: 'catalog.read' },
      schema: {
        tags: ['devices'],
        summary: 'Kinds of devices: what they measure and what they can be told to do',
        response: { 200: ProfileList, '4xx': ErrorReply },
      },
    },
    async () => ({ profiles: [...profiles.values()] }),
  );
}
