import { ApiKeyCreate, ApiKeyCreated, ApiKeyList, ErrorReply, Id } from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import type { ApiKeys } from './api-keys.ts';

export function apiKeyRoutes(app: Http, keys: ApiKeys): void {
  const tags = ['api keys'];

  app.get(
    '/api/api-keys',
    {
      config: { action: 'apiKey.read' },
      schema: {
        tags,
        summary: 'API keys of a site, without their secrets',
        querystring: Type.Object({ siteId: Id }, { additionalProperties: false }),
        response: { 200: ApiKeyList, '4xx': ErrorReply },
      },
    },
    async (request) => {
      request.access.allow(request.query.siteId);
      return { keys: [...(await keys.list([request.query.siteId]))] };
    },
  );

  app.post(
    '/api/api-keys',
    {
      config: { action: 'apiKey.change', target: { kind: 'api key' } },
      schema: {
        tags,
        summary: 'Make an API key; its secret is shown this once',
        body: ApiKeyCreate,
        response: { 201: ApiKeyCreated, '4xx': ErrorReply },
      },
    },
    async (request, reply) => {
      request.access.allow(request.body.siteId);
      const userId = request.access.session?.user.userId ?? null;
      return reply.status(201).send(await keys.create(request.body, userId));
    },
  );

  app.delete(
    '/api/api-keys/:keyId',
    {
      config: { action: 'apiKey.change', target: { kind: 'api key', param: 'keyId', read: (id) => keys.get(id) } },
      schema: {
        tags,
        summary: 'Delete an API key: it is void at once',
        params: Type.Object({ keyId: Id }),
        response: { 204: Type.Null(), '4xx': ErrorReply },
      },
    },
    async (request, reply) => {
      const { keyId, siteId } = await keys.get(request.params.keyId);
      request.access.allow(siteId);
      await keys.remove(keyId);
      return reply.status(204).send(null);
    },
  );
}
