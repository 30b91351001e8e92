import {
  Assistant,
  AssistantChange,
  AssistantCreate,
  AssistantList,
  ErrorReply,
  Id,
  type Site,
} from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import type { Assistants } from './assistants.ts';

const SiteParams = Type.Object({ siteId: Id });
const Params = Type.Object({ assistantId: Id });

export function assistantRoutes(app: Http, assistants: Assistants, siteOf: (siteId: string) => Promise<Site>): void {
  const target = { kind: 'assistant', param: 'assistantId', read: (id: string) => assistants.get(id) };
  const tags = ['assistants'];
  const failures = { '4xx': ErrorReply };

  app.get(
    '/api/sites/:siteId/assistants',
    {
      config: { action: 'assistant.read' },
      schema: {
        tags,
        summary: 'Assistants of a site',
        params: SiteParams,
        response: { 200: AssistantList, ...failures },
      },
    },
    async (request) => {
      request.access.allow(request.params.siteId);
      return { assistants: await assistants.ofSite(request.params.siteId) };
    },
  );

  app.post(
    '/api/sites/:siteId/assistants',
    {
      config: { action: 'assistant.change', target: { kind: 'assistant', replyId: 'assistantId' } },
      schema: {
        tags,
        summary: 'Make an assistant',
        params: SiteParams,
        body: AssistantCreate,
        response: { 201: Assistant, ...failures },
      },
    },
    async (request, reply) => {
      request.access.allow(request.params.siteId);
      const site = await siteOf(request.params.siteId);
      return reply.status(201).send(await assistants.create(site, request.body));
    },
  );

  app.get(
    '/api/assistants/:assistantId',
    {
      config: { action: 'assistant.read' },
      schema: { tags, summary: 'One assistant', params: Params, response: { 200: Assistant, ...failures } },
    },
    async (request) => {
      const assistant = await assistants.get(request.params.assistantId);
      request.access.allow(assistant.siteId);
      return assistant;
    },
  );

  app.patch(
    '/api/assistants/:assistantId',
    {
      config: { action: 'assistant.change', target },
      schema: {
        tags,
        summary: 'Change an assistant',
        params: Params,
        body: AssistantChange,
        response: { 200: Assistant, ...failures },
      },
    },
    async (request) => {
      request.access.allow((await assistants.get(request.params.assistantId)).siteId);
      return assistants.change(request.params.assistantId, request.body);
    },
  );

  app.delete(
    '/api/assistants/:assistantId',
    {
      config: { action: 'assistant.change', target },
      schema: { tags, summary: 'Delete an assistant', params: Params, response: { 204: Type.Null(), ...failures } },
    },
    async (request, reply) => {
      request.access.allow((await assistants.get(request.params.assistantId)).siteId);
      await assistants.delete(request.params.assistantId);
      return reply.status(204).send(null);
    },
  );
}
