import { MusterError } from '@muster/contract';
import type { Clock } from '../platform/clock.ts';
import type { Http } from '../platform/http/index.ts';
import type { Logger } from '../platform/log.ts';
import type { SecurityConfig } from './config.ts';

const DAY_MS = 86_400_000;
/** How long what is told may be relied on. RFC 9116 wants less than a year; a server that is asked again says it anew. */
const HOLDS_DAYS = 90;

/**
 * `/.well-known/security.txt` (RFC 9116), from the configuration. Without a contact there is none: an address that nobody
 * reads is worse than no address.
 */
export function securityTxtRoute(
  app: Http,
  deps: {
    readonly config: SecurityConfig;
    readonly publicUrl: string | null;
    readonly clock: Clock;
    readonly log: Logger;
  },
): void {
  const { config, publicUrl, clock } = deps;
  if (config.contact === undefined && publicUrl !== null) {
    deps.log.warn('security.contact is not set: whoever finds a hole in this server is told of nobody');
  }
  app.get(
    '/.well-known/security.txt',
    { config: { action: 'server.look' }, schema: { hide: true } },
    async (_request, reply) => {
      if (config.contact === undefined) {
        const say = 'This server names nobody for reports of vulnerabilities (security.contact is not set).';
        throw new MusterError('NOT_FOUND', {}, { say });
      }
      return reply.type('text/plain; charset=utf-8').send(securityTxt(config, publicUrl, clock.now()));
    },
  );
}

export function securityTxt(
  { contact = '', policy, languages }: SecurityConfig,
  publicUrl: string | null,
  now: number,
): string {
  const expires = new Date((Math.floor(now / DAY_MS) + HOLDS_DAYS) * DAY_MS).toISOString().replace('.000Z', 'Z');
  return [
    `Contact: ${contact}`,
    `Expires: ${expires}`,
    `Preferred-Languages: ${languages}`,
    ...(policy === undefined ? [] : [`Policy: ${policy}`]),
    // an address that is not https is none by the RFC
    ...(publicUrl?.startsWith('https://') === true
      ? [`Canonical: ${publicUrl.replace(/\/$/, '')}/.well-known/security.txt`]
      : []),
    '',
  ].join('\n');
}
