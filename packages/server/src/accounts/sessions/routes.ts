import {
  ErrorReply,
  Id,
  PasskeyOptions,
  PasskeySignIn,
  ProofRequest,
  ProofState,
  SessionList,
  SessionReply,
  SessionsEnded,
  SignInFinish,
  SignInPending,
  SignInRequest,
} from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import { PROOF_MS } from '../permissions.ts';
import { placeOf } from '../second-factor/index.ts';
import { clearSessionCookies, sessionToken } from './cookie.ts';
import type { Entry } from './entry.ts';
import type { Sessions } from './sessions.ts';
import type { SignIn } from './sign-in.ts';

/** Signing in and out, and the sessions that somebody has. */
export function sessionRoutes(
  app: Http,
  deps: {
    readonly sessions: Sessions;
    readonly signIn: SignIn;
    readonly publicUrl: string | null;
    /** Epoch ms. */
    readonly now: () => number;
    readonly entry: Entry;
  },
): void {
  const { sessions, signIn, publicUrl } = deps;
  const { fromOf, keep } = deps.entry;
  const tags = ['sessions'];
  const failures = { '4xx': ErrorReply };

  app.post(
    '/api/sessions',
    {
      config: { action: 'account.begin' },
      schema: {
        tags,
        summary: 'Sign in with a password; 202 when a second factor is asked for',
        body: SignInRequest,
        response: { 201: SessionReply, 202: SignInPending, ...failures },
      },
    },
    async (request, reply) => {
      const done = await signIn.byPassword(request.body, fromOf(request));
      if ('pending' in done) return reply.status(202).send({ ...done, ways: [...done.ways] });
      await keep(request, reply, done);
      return reply.status(201).send(done);
    },
  );

  app.post(
    '/api/sessions/finish',
    {
      config: { action: 'account.begin' },
      schema: {
        tags,
        summary: 'The second step of signing in; five tries, five minutes',
        body: SignInFinish,
        response: { 201: SessionReply, ...failures },
      },
    },
    async (request, reply) => {
      const done = await signIn.finish(request.body.pending, request.body.proof, fromOf(request));
      await keep(request, reply, done);
      return reply.status(201).send(done);
    },
  );

  app.post(
    '/api/sessions/passkey/options',
    {
      config: { action: 'account.begin' },
      schema: {
        tags,
        summary: 'What a browser needs to sign in with a passkey',
        response: { 200: PasskeyOptions, ...failures },
      },
    },
    async (request) => ({ options: await signIn.passkeyOptions(placeOf(request, publicUrl)) }),
  );

  app.post(
    '/api/sessions/passkey',
    {
      config: { action: 'account.begin' },
      schema: {
        tags,
        summary: 'Sign in with a passkey that knows its owner: no password is needed',
        body: PasskeySignIn,
        response: { 201: SessionReply, ...failures },
      },
    },
    async (request, reply) => {
      const place = placeOf(request, publicUrl);
      const done = await signIn.byPasskey(request.body.response, { ...fromOf(request), place });
      await keep(request, reply, done);
      return reply.status(201).send(done);
    },
  );

  app.delete(
    '/api/sessions/current',
    {
      config: { action: 'account.signOut', target: { kind: 'session' } },
      schema: { tags, summary: 'Sign out', response: { 204: Type.Null(), ...failures } },
    },
    async (request, reply) => {
      await sessions.endByToken(sessionToken(request) ?? '');
      clearSessionCookies(reply);
      return reply.status(204).send(null);
    },
  );

  app.get(
    '/api/me/sessions',
    {
      config: { action: 'account.own' },
      schema: { tags, summary: 'Open sessions of the caller', response: { 200: SessionList, ...failures } },
    },
    async (request) => {
      const { user, sessionId } = request.access.person();
      return { sessions: await sessions.list(user.userId, sessionId) };
    },
  );

  app.delete(
    '/api/me/sessions/:sessionId',
    {
      config: { action: 'account.change', target: { kind: 'session', param: 'sessionId' } },
      schema: {
        tags,
        summary: 'End a session of the caller',
        params: Type.Object({ sessionId: Id }),
        response: { 204: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      await sessions.end(request.access.person().user.userId, request.params.sessionId);
      return reply.status(204).send(null);
    },
  );

  app.delete(
    '/api/me/sessions',
    {
      config: { action: 'account.change', target: { kind: 'session' } },
      schema: {
        tags,
        summary: 'End all sessions of the caller but this one',
        response: { 200: SessionsEnded, ...failures },
      },
    },
    async (request) => {
      const { user, sessionId } = request.access.person();
      return { ended: await sessions.endAll(user.userId, sessionId) };
    },
  );

  app.get(
    '/api/users/:userId/sessions',
    {
      config: { action: 'user.read' },
      schema: {
        tags,
        summary: 'Open sessions of a user',
        params: Type.Object({ userId: Id }),
        response: { 200: SessionList, ...failures },
      },
    },
    async (request) => ({ sessions: await sessions.list(request.params.userId, null) }),
  );

  app.delete(
    '/api/users/:userId/sessions',
    {
      config: { action: 'user.change', target: { kind: 'user', param: 'userId' } },
      schema: {
        tags,
        summary: 'End all sessions of a user',
        params: Type.Object({ userId: Id }),
        response: { 200: SessionsEnded, ...failures },
      },
    },
    async (request) => ({ ended: await sessions.endAll(request.params.userId) }),
  );

  app.get(
    '/api/me/proof',
    {
      config: { action: 'account.own' },
      schema: {
        tags,
        summary: 'How the caller can prove again who they are',
        response: { 200: ProofState, ...failures },
      },
    },
    async (request) => proofState(request),
  );

  app.post(
    '/api/me/proof',
    {
      config: { action: 'account.prove' },
      schema: {
        tags,
        summary: 'Prove again who one is: holds ten minutes for what asks for it',
        body: ProofRequest,
        response: { 200: ProofState, ...failures },
      },
    },
    async (request) => {
      const { user, sessionId } = request.access.person();
      await signIn.prove(user, request.body.proof, fromOf(request));
      await sessions.proved(sessionId);
      return { ...(await proofState(request)), provedUntil: deps.now() + PROOF_MS };
    },
  );

  async function proofState(request: FastifyRequest) {
    const { user, actor } = request.access.person();
    const ways = [...(await signIn.waysOf(user))];
    const place = fromOf(request).place;
    const passkeyOptions =
      place !== null && ways.includes('passkey') ? await signIn.passkeyOptionsOf(user.userId, place) : null;
    return { ways, passkeyOptions, provedUntil: actor.provedAt + PROOF_MS };
  }
}
