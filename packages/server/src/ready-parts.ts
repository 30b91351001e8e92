import type { Part } from './operations/index.ts';
import type { Bus } from './platform/bus/index.ts';
import type { OpenDatabase } from './platform/db/index.ts';
import type { Mailer } from './platform/mail/index.ts';

/** Without its database a server does nothing. */
export function databasePart(database: OpenDatabase): Part {
  return {
    name: 'database',
    check: async () => ({ state: 'ready', detail: `answered in ${(await database.ping()).toFixed(1)} ms` }),
  };
}

/** A server without its mail server still works: what is sent waits. */
export function mailParts(mailer: Mailer): Part[] {
  if (!mailer.configured) return [];
  return [
    {
      name: 'mail',
      check() {
        const { waiting, failing } = mailer.state();
        if (failing === null) return { state: 'ready' };
        return { state: 'degraded', detail: `the last try failed (${failing}), ${waiting} wait` };
      },
    },
  ];
}

/** A server that hears nothing of the others still works: they find each other's work in the database, later. */
export function busParts(bus: Bus): Part[] {
  if (bus.state() === null) return [];
  return [
    {
      name: 'bus',
      check() {
        const { connected, detail } = bus.state() ?? { connected: false, detail: 'closed' };
        return { state: connected ? 'ready' : 'degraded', detail };
      },
    },
  ];
}
