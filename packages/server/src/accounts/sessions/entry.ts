import type { User } from '@muster/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Place, placeOrNull } from '../second-factor/index.ts';
import { isSecure, sessionToken, setSessionCookie } from './cookie.ts';
import type { NewSession, Sessions, Source } from './sessions.ts';

/** How a request becomes a session, for every route by which people come in. */
export interface Entry {
  /** From where the request comes, and where passkeys can be used. */
  fromOf(request: FastifyRequest): Source & { readonly place: Place | null };
  /** Gives the browser its session. The one that it had ends: a token is never taken over. */
  keep(request: FastifyRequest, reply: FastifyReply, session: NewSession): Promise<void>;
  /** Begins a session for somebody who has proved who they are, and gives it to the browser. */
  welcome(request: FastifyRequest, reply: FastifyReply, user: User): Promise<NewSession>;
}

export function createEntry(publicUrl: string | null, sessions: Pick<Sessions, 'begin' | 'endByToken'>): Entry {
  const fromOf: Entry['fromOf'] = (request) => ({
    address: request.ip,
    userAgent: request.headers['user-agent']?.slice(0, 300) ?? null,
    place: placeOrNull(request, publicUrl),
  });

  const keep: Entry['keep'] = async (request, reply, session) => {
    const before = request.headers.authorization === undefined ? sessionToken(request) : null;
    if (before !== null) await sessions.endByToken(before);
    setSessionCookie(reply, session, isSecure(request, publicUrl));
  };

  return {
    fromOf,
    keep,
    async welcome(request, reply, user) {
      const session = await sessions.begin(user, fromOf(request));
      await keep(request, reply, session);
      return session;
    },
  };
}
