import { DeviceList, ErrorReply, Group, GroupChange, GroupCreate, GroupList, Id } from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import { siteMeant } from '../site-meant.ts';
import type { Groups } from './groups.ts';

const Params = Type.Object({ groupId: Id });
const ListQuery = Type.Object({ siteId: Type.Optional(Id) });
const PageQuery = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }),
  after: Type.Optional(Id),
});

export function groupRoutes(
  app: Http,
  groups: Groups,
  /** The site meant when a caller names none: their only one. */
  onlySite: (sites: readonly string[] | null) => Promise<string | null>,
): void {
  const tags = ['groups'];
  const target = { kind: 'group', param: 'groupId', read: (id: string) => groups.get(id) };
  const failures = { '4xx': ErrorReply };

  app.get(
    '/api/groups',
    {
      config: { action: 'group.read' },
      schema: {
        tags,
        summary: 'Groups by name',
        querystring: ListQuery,
        response: { 200: GroupList, ...failures },
      },
    },
    async (request) => {
      const { siteId } = request.query;
      if (siteId !== undefined) request.access.allow(siteId);
      return { groups: await groups.list({ ...request.query, sites: request.access.sites }) };
    },
  );

  app.post(
    '/api/groups',
    {
      config: { action: 'group.change', target: { kind: 'group', replyId: 'groupId' } },
      schema: {
        tags,
        summary: 'Make a group: a list of devices, or a query that is asked anew each time',
        body: GroupCreate,
        response: { 201: Group, ...failures },
      },
    },
    async (request, reply) => {
      const siteId = await siteMeant(request.body.siteId, request.access.sites, onlySite);
      request.access.allow(siteId);
      return reply.status(201).send(await groups.create({ ...request.body, siteId }));
    },
  );

  app.get(
    '/api/groups/:groupId',
    {
      config: { action: 'group.read' },
      schema: { tags, summary: 'One group', params: Params, response: { 200: Group, ...failures } },
    },
    async (request) => {
      const group = await groups.get(request.params.groupId);
      request.access.allow(group.siteId);
      return group;
    },
  );

  app.get(
    '/api/groups/:groupId/devices',
    {
      config: { action: 'group.read' },
      schema: {
        tags,
        summary: 'Devices that are in the group now, newest first',
        params: Params,
        querystring: PageQuery,
        response: { 200: DeviceList, ...failures },
      },
    },
    async (request) => {
      const group = await groups.get(request.params.groupId);
      request.access.allow(group.siteId);
      const { limit, ...page } = request.query;
      const found = await groups.members(group.groupId, { ...page, limit: limit + 1 });
      const devices = found.slice(0, limit);
      return { devices, next: found.length > limit ? (devices.at(-1)?.deviceId ?? null) : null };
    },
  );

  app.patch(
    '/api/groups/:groupId',
    {
      config: { action: 'group.change', target },
      schema: {
        tags,
        summary: 'Rename it, change its query, add and remove devices',
        params: Params,
        body: GroupChange,
        response: { 200: Group, ...failures },
      },
    },
    async (request) => {
      const group = await groups.get(request.params.groupId);
      request.access.allow(group.siteId);
      return groups.change(group.groupId, request.body);
    },
  );

  app.delete(
    '/api/groups/:groupId',
    {
      config: { action: 'group.change', target },
      schema: {
        tags,
        summary: 'Drop the group; its devices stay',
        params: Params,
        response: { 204: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      const group = await groups.get(request.params.groupId);
      request.access.allow(group.siteId);
      await groups.delete(group.groupId);
      return reply.status(204).send(null);
    },
  );
}
