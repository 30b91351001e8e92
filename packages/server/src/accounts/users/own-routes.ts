import {
  EmailChange,
  ErrorReply,
  MeChange,
  MeReply,
  PasswordChange,
  PasswordResetAsk,
  PasswordResetUse,
  Registration,
  TokenUse,
  User,
} from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { inOneUnit } from '../../platform/db/index.ts';
import type { Http } from '../../platform/http/index.ts';
import type { Audit } from '../audit/index.ts';
import type { Credentials } from './credentials.ts';
import type { Users } from './users.ts';

/** What people do about themselves: their name, address and password, with or without being signed in. */
export function ownRoutes(
  app: Http,
  deps: {
    readonly users: Users;
    readonly credentials: Credentials;
    readonly audit: Audit;
    /** FACTOR_WRONG, RATE_LIMITED. */
    readonly prove: (request: FastifyRequest, user: User, password: string) => Promise<void>;
  },
): void {
  const { users, credentials, audit } = deps;
  const tags = ['me'];
  const failures = { '4xx': ErrorReply };
  const Nothing = { 204: Type.Null(), ...failures };

  app.get(
    '/api/me',
    {
      config: { action: 'account.own' },
      schema: { tags, summary: 'Who is signed in', response: { 200: MeReply, ...failures } },
    },
    async (request) => {
      const { user, actor } = request.access.person();
      return { user, memberships: [...actor.roles].map(([siteId, role]) => ({ siteId, role })) };
    },
  );

  app.patch(
    '/api/me',
    {
      config: { action: 'account.change', target: { kind: 'user' } },
      schema: { tags, summary: 'Change name and language', body: MeChange, response: { 200: User, ...failures } },
    },
    async (request) => users.change(request.access.person().user.userId, request.body),
  );

  app.post(
    '/api/me/password',
    {
      config: { action: 'account.change', target: { kind: 'password' } },
      schema: {
        tags,
        summary: 'Change the password; all other sessions end',
        body: PasswordChange,
        response: Nothing,
      },
    },
    async (request, reply) => {
      const { user, sessionId } = request.access.person();
      const { current, password } = request.body;
      await deps.prove(request, user, current);
      await credentials.changePassword(user, password, sessionId);
      return reply.status(204).send(null);
    },
  );

  app.post(
    '/api/me/email',
    {
      config: { action: 'account.factor', target: { kind: 'e-mail address' } },
      schema: {
        tags,
        summary: 'Change the e-mail address: a link goes to the new one, and counts when it is opened',
        body: EmailChange,
        response: { 202: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      await credentials.askEmail(request.access.person().user, request.body.email);
      return reply.status(202).send(null);
    },
  );

  app.post(
    '/api/email-confirmations',
    {
      config: { action: 'account.begin' },
      schema: {
        tags,
        summary: 'Open the link to a new e-mail address',
        body: TokenUse,
        response: { 200: User, ...failures },
      },
    },
    async (request) => {
      return inOneUnit(async () => {
        const user = await credentials.confirmEmail(request.body.token);
        const target = { kind: 'user', id: user.userId };
        await audit.append({ action: 'account.change', target, after: { email: user.email } });
        return user;
      });
    },
  );

  app.post(
    '/api/password-resets',
    {
      config: { action: 'account.begin' },
      schema: {
        tags,
        summary: 'Ask for a link to set the password anew; the answer is the same whoever exists',
        body: PasswordResetAsk,
        response: { 202: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      await credentials.askReset(request.body.email, request.ip);
      await audit.append({ action: 'account.askReset' });
      return reply.status(202).send(null);
    },
  );

  app.post(
    '/api/password-resets/use',
    {
      config: { action: 'account.begin' },
      schema: {
        tags,
        summary: 'Set the password anew with the link; all sessions end',
        body: PasswordResetUse,
        response: Nothing,
      },
    },
    async (request, reply) => {
      await inOneUnit(async () => {
        const { userId } = await credentials.useReset(request.body.token, request.body.password);
        await audit.append({ action: 'account.reset', target: { kind: 'user', id: userId } });
      });
      return reply.status(204).send(null);
    },
  );

  app.post(
    '/api/registrations',
    {
      config: { action: 'account.begin' },
      schema: {
        tags,
        summary: 'Ask for a link to register, where the operator allows it: it leads to no site and no role',
        body: Registration,
        response: { 202: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      const { email, language = 'en' } = request.body;
      await credentials.register(email, language, request.ip);
      await audit.append({ action: 'account.register' });
      return reply.status(202).send(null);
    },
  );
}
