import { ErrorReply, KeyRotation } from '@muster/contract';
import type { Audit } from '../accounts/index.ts';
import type { Http } from '../platform/http/index.ts';
import type { Vault } from '../platform/vault/index.ts';

/** A new key for the secrets in the database, while the server runs. */
export function secretsRoutes(
  app: Http,
  { rotation, audit }: { readonly rotation: Vault['rotation']; readonly audit: Pick<Audit, 'append'> },
): void {
  const tags = ['operations'];

  app.get(
    '/api/server/key-rotation',
    {
      config: { action: 'server.read' },
      schema: { tags, summary: 'How the change of the key goes on', response: { 200: KeyRotation, '4xx': ErrorReply } },
    },
    async () => rotation.state(),
  );

  app.post(
    '/api/server/key-rotation',
    {
      config: { action: 'server.rotateKey' },
      schema: {
        tags,
        summary: 'Make a new key for secrets and seal all of them with it; goes on in the background',
        response: { 202: KeyRotation, '4xx': ErrorReply },
      },
    },
    async (_request, reply) => {
      const state = await rotation.begin();
      await audit.append({ action: 'server.rotateKey', target: { kind: 'key of secrets', id: null } });
      return reply.status(202).send(state);
    },
  );
}
