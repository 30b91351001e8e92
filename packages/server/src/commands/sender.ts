import { MusterError } from '@muster/contract';
import type { FastifyRequest } from 'fastify';

/** Idempotency keys are of one person: nobody can take the answer of another. */
export function senderOf(request: FastifyRequest): string {
  const user = request.access.session?.user;
  if (user === undefined) throw new MusterError('SIGN_IN_REQUIRED');
  return `user:${user.userId}`;
}
