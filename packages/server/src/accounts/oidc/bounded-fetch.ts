import { MusterError } from '@muster/contract';
import type { CustomFetch } from 'openid-client';

/** Discovery documents and key sets of real providers have some kilobytes. */
const MOST_BYTES = 1024 * 1024;

/**
 * Asks the provider; the caller's signal bounds the time, this the size. SSO_UNAVAILABLE when it does not answer, answers
 * with a fault of its own (5xx), or with more than a megabyte.
 */
export const boundedFetch: CustomFetch = async (url, options) => {
  const unavailable = (why: string, cause?: unknown): MusterError =>
    new MusterError('SSO_UNAVAILABLE', { host: new URL(url).host, why }, { cause });
  let reply: Response;
  try {
    reply = await fetch(url, options as RequestInit);
  } catch (cause) {
    throw unavailable('no answer', cause);
  }
  if (reply.status >= 500) {
    await reply.body?.cancel();
    throw unavailable(`status ${reply.status}`);
  }
  const { status, headers } = reply;
  if (reply.body === null) return new Response(null, { status, headers });
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of reply.body) {
      bytes += part.byteLength;
      // leaving the loop cancels the rest
      if (bytes > MOST_BYTES) throw unavailable('the answer is too long');
      parts.push(part);
    }
  } catch (cause) {
    throw cause instanceof MusterError ? cause : unavailable('the answer broke off', cause);
  }
  return new Response(Buffer.concat(parts), { status, headers });
};
