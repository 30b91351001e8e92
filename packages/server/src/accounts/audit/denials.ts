import type { Clock } from '../../platform/clock.ts';
import { outsideUnit } from '../../platform/db/index.ts';
import { forgetOldest } from '../../platform/forget-oldest.ts';
import type { Audit } from './audit.ts';
import type { AuditEntry } from './entries.ts';

/**
 * Writes what was refused. A stranger can be refused as often as they like, and may not fill the disk with it: of one
 * address and action one row a minute is written, with how many there were since the last.
 */
export interface Denials {
  append(entry: AuditEntry): Promise<void>;
}

const EVERY_MS = 60_000;
const MOST_STRANGERS = 10_000;

export function createDenials(audit: Audit, clock: Clock): Denials {
  const strangers = new Map<string, { readonly at: number; more: number }>();

  return {
    async append(entry) {
      if (entry.caller?.actor.kind !== 'anonymous') return outsideUnit(() => audit.append(entry));
      const key = `${entry.caller.address} ${entry.action}`;
      const last = strangers.get(key);
      const now = clock.now();
      if (last !== undefined && now - last.at < EVERY_MS) {
        last.more += 1;
        return;
      }
      strangers.delete(key);
      strangers.set(key, { at: now, more: 0 });
      forgetOldest(strangers, MOST_STRANGERS);
      const after = last === undefined || last.more === 0 ? undefined : { alsoSinceTheLastRow: last.more };
      return outsideUnit(() => audit.append({ ...entry, after }));
    },
  };
}
