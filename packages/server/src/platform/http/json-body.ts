import { LIMITS, MusterError } from '@muster/contract';
import { isDeeper } from '../json-depth.ts';
import type { Http } from './index.ts';

/**
 * JSON of people and programs. MESSAGE_TOO_DEEP before anything is built of it: what nests without end would overflow
 * the stack of whoever writes it out. REQUEST_INVALID for a number such as 1e999, which would be stored as no number
 * and could not be read again.
 */
export function readJsonBodies(app: Http): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
    if (isDeeper(bytes, LIMITS.jsonDepth)) {
      return done(new MusterError('MESSAGE_TOO_DEEP', { limit: LIMITS.jsonDepth }));
    }
    void parse(request, bytes.toString('utf8'), (error, value) => {
      if (error !== null) return done(error);
      if (isWritable(value)) return done(null, value);
      done(new MusterError('REQUEST_INVALID', {}, { say: 'A number of the request is too large to be one.' }));
    });
  });
}

/** Whether every number in it is one. As deep as `isDeeper` allowed. */
function isWritable(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  for (const member of Object.values(value)) if (!isWritable(member)) return false;
  return true;
}
