import { ErrorReply, Id, Site, SiteChange, SiteCreate, SiteList } from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../platform/http/index.ts';
import type { Sites } from './sites.ts';

const Params = Type.Object({ siteId: Id });

export function siteRoutes(app: Http, sites: Sites): void {
  const tags = ['sites'];

  app.get(
    '/api/sites',
    {
      config: { action: 'site.list' },
      schema: { tags, summary: 'Sites of the caller', response: { 200: SiteList, '4xx': ErrorReply } },
    },
    async (request) => ({ sites: await sites.list(request.access.sites) }),
  );

  app.post(
    '/api/sites',
    {
      config: { action: 'site.create', target: { kind: 'site', replyId: 'siteId' } },
      schema: { tags, summary: 'Make a site', body: SiteCreate, response: { 201: Site, '4xx': ErrorReply } },
    },
    async (request, reply) => {
      const site = await sites.create(request.body, request.access.session?.user.userId ?? '');
      return reply.status(201).send(site);
    },
  );

  app.get(
    '/api/sites/:siteId',
    {
      config: { action: 'site.read' },
      schema: { tags, summary: 'One site', params: Params, response: { 200: Site, '4xx': ErrorReply } },
    },
    async (request) => {
      request.access.allow(request.params.siteId);
      return sites.get(request.params.siteId);
    },
  );

  app.patch(
    '/api/sites/:siteId',
    {
      config: { action: 'site.change', target: { kind: 'site', param: 'siteId', read: (id) => sites.get(id) } },
      schema: {
        tags,
        summary: 'Change a site',
        params: Params,
        body: SiteChange,
        response: { 200: Site, '4xx': ErrorReply },
      },
    },
    async (request) => {
      request.access.allow(request.params.siteId);
      return sites.change(request.params.siteId, request.body);
    },
  );
}
