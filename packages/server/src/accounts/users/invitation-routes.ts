import {
  ErrorReply,
  Id,
  InvitationAccept,
  InvitationAsk,
  InvitationCreate,
  InvitationCreated,
  InvitationInfo,
  InvitationList,
  SessionReply,
} from '@muster/contract';
import { Type } from 'typebox';
import { inOneUnit } from '../../platform/db/index.ts';
import type { Http } from '../../platform/http/index.ts';
import type { Audit } from '../audit/index.ts';
import type { Entry } from '../sessions/entry.ts';
import type { Invitations } from './invitations.ts';

/** Asking people in, and coming in. */
export function invitationRoutes(
  app: Http,
  deps: {
    readonly invitations: Invitations;
    readonly audit: Audit;
    readonly welcome: Entry['welcome'];
  },
): void {
  const { invitations } = deps;
  const tags = ['people'];
  const failures = { '4xx': ErrorReply };
  const Params = Type.Object({ invitationId: Id });
  const created = { kind: 'invitation', isSecret: true } as const;

  app.get(
    '/api/invitations',
    {
      config: { action: 'member.read' },
      schema: {
        tags,
        summary: 'Invitations that nobody took yet: of a site, or without one of the whole server',
        querystring: Type.Object({ siteId: Type.Optional(Id) }, { additionalProperties: false }),
        response: { 200: InvitationList, ...failures },
      },
    },
    async (request) => {
      const { siteId = null } = request.query;
      request.access.allow(siteId);
      return { invitations: await invitations.list(siteId) };
    },
  );

  app.post(
    '/api/invitations',
    {
      config: { action: 'member.invite', target: { ...created, replyId: 'invitationId' } },
      schema: {
        tags,
        summary: 'Invite somebody to a site with a role, or to the whole server; the link is here when no mail is sent',
        body: InvitationCreate,
        response: { 201: InvitationCreated, ...failures },
      },
    },
    async (request, reply) => {
      request.access.allow(request.body.siteId ?? null);
      const { invitation, link } = await invitations.create(request.body, request.access.person().user);
      return reply.status(201).send({ invitation, link, mailed: link === null });
    },
  );

  app.post(
    '/api/invitations/:invitationId/again',
    {
      config: { action: 'member.invite', target: { ...created, param: 'invitationId' } },
      schema: {
        tags,
        summary: 'A fresh link for an invitation; the one before is void',
        params: Params,
        response: { 200: InvitationCreated, ...failures },
      },
    },
    async (request) => {
      const { siteId } = await invitations.get(request.params.invitationId);
      request.access.allow(siteId);
      const { invitation, link } = await invitations.again(request.params.invitationId, request.access.person().user);
      return { invitation, link, mailed: link === null };
    },
  );

  app.delete(
    '/api/invitations/:invitationId',
    {
      config: {
        action: 'member.change',
        target: { kind: 'invitation', param: 'invitationId', read: (id) => invitations.get(id) },
      },
      schema: { tags, summary: 'Withdraw an invitation', params: Params, response: { 204: Type.Null(), ...failures } },
    },
    async (request, reply) => {
      const { siteId } = await invitations.get(request.params.invitationId);
      request.access.allow(siteId);
      await invitations.remove(request.params.invitationId);
      return reply.status(204).send(null);
    },
  );

  app.post(
    '/api/invitations/info',
    {
      config: { action: 'account.begin' },
      schema: {
        tags,
        summary: 'What an invitation link is for',
        body: InvitationAsk,
        response: { 200: InvitationInfo, ...failures },
      },
    },
    async (request) => invitations.info(request.body.token),
  );

  app.post(
    '/api/invitations/accept',
    {
      config: { action: 'account.begin' },
      schema: {
        tags,
        summary: 'Take an invitation: as somebody new with a name and a password, or signed in with that address',
        body: InvitationAccept,
        response: { 201: SessionReply, ...failures },
      },
    },
    async (request, reply) => {
      const signedIn = request.access.session?.user ?? null;
      const user = await inOneUnit(async () => {
        const joined = await invitations.accept(request.body, signedIn);
        await deps.audit.append({ action: 'member.join', target: { kind: 'user', id: joined.userId }, after: joined });
        return joined;
      });
      return reply.status(201).send(await deps.welcome(request, reply, user));
    },
  );
}
