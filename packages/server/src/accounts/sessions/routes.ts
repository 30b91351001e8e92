import {
  ErrorReply,
  Id,
  MusterError,
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
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import { PROOF_MS } from '../permissions.ts';
import { placeOf } from '../second-factor/index.ts';
import { clearSessionCookies, isSecure, sessionToken, setSessionCookie } from './cookie.ts';
import type { NewSession, Sessions, Source } from './sessions.ts';
import type { SignIn, SignInFrom } from './sign-in.ts';

export function sourceOf({ ip, headers }: FastifyRequest): Source {
  return { address: ip, userAgent: headers['user-agent']?.slice(0, 300) ?? null };
}

/** A browser that signs in anew has the session before it ended: a token is never taken over. */
export function keepSession(publicUrl: string | null, sessions: Pick<Sessions, 'endByToken'>) {
  return async (request: FastifyRequest, reply: FastifyReply, session: NewSession): Promise<void> => {
    const before = request.headers.authorization === undefined ? sessionToken(request) : null;
    if (before !== null) await sessions.endByToken(before);
    setSessionCookie(reply, session, isSecure(request, publicUrl));
  };
}

/** Signing in and out, and the sessions that somebody has. */
export function sessionRoutes(
  app: Http,
  deps: {
    readonly sessions: Sessions;
    readonly signIn: SignIn;
    readonly publicUrl: string | null;
    /** Epoch ms. */
    readonly now: () => number;
    readonly keep: ReturnType<typeof keepSession>;
  },
): void {
  const { sessions, signIn, publicUrl, keep } = deps;
  const tags = ['sessions'];
  const failures = { '4xx': ErrorReply };

  function fromOf(request: FastifyRequest): SignInFrom {
    return { ...sourceOf(request), place: placeOrNull(request, publicUrl) };
  }

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
      const done = await signIn.byPasskey(request.body.response, { ...sourceOf(request), place });
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
      const { user, sessionId } = sessionOf(request);
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
      await sessions.end(sessionOf(request).user.userId, request.params.sessionId);
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
      const { user, sessionId } = sessionOf(request);
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
      const { user, sessionId } = sessionOf(request);
      await signIn.prove(user, request.body.proof, fromOf(request));
      await sessions.proved(sessionId);
      return { ...(await proofState(request)), provedUntil: deps.now() + PROOF_MS };
    },
  );

  async function proofState(request: FastifyRequest) {
    const { user, actor } = sessionOf(request);
    const ways = [...(await signIn.waysOf(user))];
    const place = placeOrNull(request, publicUrl);
    const passkeyOptions =
      place !== null && ways.includes('passkey') ? await signIn.passkeyOptionsOf(user.userId, place) : null;
    return { ways, passkeyOptions, provedUntil: actor.provedAt + PROOF_MS };
  }
}

export function placeOrNull(request: FastifyRequest, publicUrl: string | null) {
  try {
    return placeOf(request, publicUrl);
  } catch (error) {
    if (error instanceof MusterError) return null;
    throw error;
  }
}

function sessionOf({ access }: FastifyRequest) {
  if (access.session === null) throw new MusterError('FORBIDDEN');
  return access.session;
}
