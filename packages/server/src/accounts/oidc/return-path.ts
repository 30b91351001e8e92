import { MusterError } from '@muster/contract';

const HERE = 'http://here.invalid';

/**
 * A path of this server to return to, as a browser would read it: `//elsewhere`, `/\elsewhere`, `/.//elsewhere` and the
 * like lead to other hosts. REQUEST_INVALID for whatever is not a path of ours.
 */
export function ownPath(typed: string): string {
  const url = URL.parse(typed, HERE);
  if (url !== null && typed.startsWith('/') && url.origin === HERE && !url.pathname.startsWith('//')) {
    return url.pathname + url.search + url.hash;
  }
  throw new MusterError('REQUEST_INVALID', {}, { say: 'returnTo is a path of this server, such as /account.' });
}
