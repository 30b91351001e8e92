import { ApiKeyCreate, ApiKeyCreated, ApiKeyList, ErrorReply, Id, MusterError } from '@muster/contract';
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
        summary: 'API keys of a site, or without one those of the server; without their secrets',
        querystring: Type.Object({ siteId: Type.Optional(Id) }, { additionalProperties: false }),
        response: { 200: ApiKeyList, '4xx': ErrorReply },
      },
    },
    async (request) => {
      const { siteId = null } = request.query;
      request.access.allow(siteId);
      return { keys: [...(await keys.list(siteId))] };
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
      const { actor } = request.access;
      if (actor === null) throw new MusterError('SIGN_IN_REQUIRED');
      return reply.status(201).send(await keys.create(request.body, actor));
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
