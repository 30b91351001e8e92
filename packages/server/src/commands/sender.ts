import { MusterError } from '@muster/contract';
import type { FastifyRequest } from 'fastify';

/** Idempotency keys are of one person or program: nobody can take the answer of another. */
export function senderOf({ access }: FastifyRequest): string {
  const { kind, id } = access.caller.actor;
  if (id === null) throw new MusterError('SIGN_IN_REQUIRED');
  return `${kind}:${id}`;
}
