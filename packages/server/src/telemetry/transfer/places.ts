import type { ServerResponse } from 'node:http';
import { MusterError } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';

/** Files on their way at a time: each holds a page of rows, and keeps the database busy. */
const MOST_TRANSFERS = 16;
/** Those of one site, so that the others find places too. */
const MOST_OF_SITE = 4;
/** A client that takes nothing for so long is not waited for, ms. */
const STALLED_MS = 30_000;

/** Who may send or get a file now. */
export interface Places {
  /**
   * RATE_LIMITED when too many files are on their way; what is returned gives the place back. It is given back by itself
   * when the connection ends, also when it has ended already: nobody would say so again.
   */
  take(siteId: string, connection: ServerResponse): () => void;
}

export function createPlaces(clock: Clock): Places {
  const ofSite = new Map<string, number>();
  let underWay = 0;
  return {
    take(siteId, connection) {
      const mine = ofSite.get(siteId) ?? 0;
      if (underWay >= MOST_TRANSFERS || mine >= MOST_OF_SITE) {
        throw new MusterError('RATE_LIMITED', { retryAfterMs: 5_000 });
      }
      underWay += 1;
      ofSite.set(siteId, mine + 1);
      let taken = true;
      let sent = 0;
      const look = (): void => {
        const { socket } = connection;
        const waits = socket?.writableLength ?? 0;
        const now = (socket?.bytesWritten ?? 0) - waits;
        // nothing waits: it is we who look for the next rows
        if (waits > 0 && now === sent) return void connection.destroy();
        sent = now;
        cancel = clock.after(STALLED_MS, look);
      };
      let cancel = clock.after(STALLED_MS, look);
      const giveBack = (): void => {
        if (!taken) return;
        taken = false;
        cancel();
        underWay -= 1;
        const left = (ofSite.get(siteId) ?? 1) - 1;
        if (left === 0) ofSite.delete(siteId);
        else ofSite.set(siteId, left);
      };
      connection.once('close', giveBack);
      if (connection.destroyed || connection.socket?.destroyed === true) giveBack();
      return giveBack;
    },
  };
}
