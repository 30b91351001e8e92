import {
  ErrorReply,
  Id,
  Member,
  MemberChange,
  MemberList,
  User,
  UserChange,
  UserDetail,
  UserList,
  UserQuery,
} from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import type { Credentials } from './credentials.ts';
import type { Users } from './users.ts';

/** Members of a site, and everybody for the administrator. */
export function userRoutes(app: Http, users: Users, credentials: Pick<Credentials, 'sendReset'>): void {
  const tags = ['people'];
  const failures = { '4xx': ErrorReply };
  const MemberParams = Type.Object({ siteId: Id, userId: Id });
  const UserParams = Type.Object({ userId: Id });
  const member = { kind: 'member', param: 'userId' };
  const user = { kind: 'user', param: 'userId', read: (id: string) => users.get(id) };

  app.get(
    '/api/sites/:siteId/members',
    {
      config: { action: 'member.read' },
      schema: {
        tags,
        summary: 'Who belongs to a site, and with which role',
        params: Type.Object({ siteId: Id }),
        response: { 200: MemberList, ...failures },
      },
    },
    async (request) => {
      request.access.allow(request.params.siteId);
      return { members: await users.members(request.params.siteId) };
    },
  );

  app.patch(
    '/api/sites/:siteId/members/:userId',
    {
      config: { action: 'member.change', target: member },
      schema: {
        tags,
        summary: 'Give a member another role; the last owner stays one',
        params: MemberParams,
        body: MemberChange,
        response: { 200: Member, ...failures },
      },
    },
    async (request) => {
      const { siteId, userId } = request.params;
      request.access.allow(siteId);
      await users.member(siteId, userId);
      return users.setMember(siteId, userId, request.body.role);
    },
  );

  app.delete(
    '/api/sites/:siteId/members/:userId',
    {
      config: { action: 'member.change', target: member },
      schema: {
        tags,
        summary: 'Take somebody off a site; the last owner stays',
        params: MemberParams,
        response: { 204: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      const { siteId, userId } = request.params;
      request.access.allow(siteId);
      await users.member(siteId, userId);
      await users.removeMember(siteId, userId);
      return reply.status(204).send(null);
    },
  );

  app.get(
    '/api/users',
    {
      config: { action: 'user.read' },
      schema: {
        tags,
        summary: 'Everybody, newest first',
        querystring: UserQuery,
        response: { 200: UserList, ...failures },
      },
    },
    async (request) => {
      const { limit } = request.query;
      const page = await users.list({ ...request.query, limit: limit + 1 });
      const shown = page.slice(0, limit);
      return { users: shown, next: page.length > limit ? (shown.at(-1)?.userId ?? null) : null };
    },
  );

  app.get(
    '/api/users/:userId',
    {
      config: { action: 'user.read' },
      schema: {
        tags,
        summary: 'One user, and where they belong',
        params: UserParams,
        response: { 200: UserDetail, ...failures },
      },
    },
    async ({ params: { userId } }) => ({
      user: await users.get(userId),
      memberships: [...(await users.membershipsOf(userId))],
    }),
  );

  app.patch(
    '/api/users/:userId',
    {
      config: { action: 'user.change', target: user },
      schema: {
        tags,
        summary: 'Change rights on the whole server, deactivate, activate; the last administrator stays one',
        params: UserParams,
        body: UserChange,
        response: { 200: User, ...failures },
      },
    },
    async (request) => users.change(request.params.userId, request.body),
  );

  app.delete(
    '/api/users/:userId',
    {
      config: { action: 'user.delete', target: user },
      schema: {
        tags,
        summary: 'Delete a user; what they made stays',
        params: UserParams,
        response: { 204: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      await users.delete(request.params.userId);
      return reply.status(204).send(null);
    },
  );

  app.post(
    '/api/users/:userId/password-reset',
    {
      config: { action: 'user.change', target: user },
      schema: {
        tags,
        summary: 'Send a link to set the password anew: by mail, or to the console of the server',
        params: UserParams,
        response: { 204: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      await credentials.sendReset(request.params.userId);
      return reply.status(204).send(null);
    },
  );
}
