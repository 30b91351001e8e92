import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Clock } from '../clock.ts';

/**
 * Which servers want to hear measurements. There are too many of those to send them to servers where nobody looks, so
 * each says while somebody does, again and again; one that falls silent wants nothing.
 */
export interface Wanted {
  /** Whether somebody listens here. */
  here(wanted: boolean): void;
  /** Asks the others what they want: after a connection began. */
  ask(): void;
  /** What another server said, as it came. False when it is not understood. */
  heard(from: string, said: unknown): boolean;
  /** Whether any other server wants them now. */
  elsewhere(): boolean;
  stop(): void;
}

const SAY_MS = 5_000;
const SILENT_MS = 3 * SAY_MS;
/** Other servers that are remembered. */
const MOST_SERVERS = 256;

const Said = Compile(Type.Object({ wants: Type.Boolean(), asks: Type.Boolean() }));

export function createWanted(
  clock: Clock,
  say: (message: { readonly wants: boolean; readonly asks: boolean }) => void,
): Wanted {
  const until = new Map<string, number>();
  let wants = false;
  let cancel = (): void => undefined;

  function sayAgain(): void {
    say({ wants, asks: false });
    cancel = clock.after(SAY_MS, sayAgain);
  }

  return {
    here(wanted) {
      if (wanted === wants) return;
      wants = wanted;
      cancel();
      if (wants) sayAgain();
      else say({ wants, asks: false });
    },
    ask: () => say({ wants, asks: true }),
    heard(from, said) {
      if (!Said.Check(said)) return false;
      if (!said.wants) until.delete(from);
      else if (until.has(from) || until.size < MOST_SERVERS) until.set(from, clock.monotonic() + SILENT_MS);
      if (said.asks && wants) say({ wants, asks: false });
      return true;
    },
    elsewhere() {
      for (const [from, end] of until) {
        if (end > clock.monotonic()) return true;
        until.delete(from);
      }
      return false;
    },
    stop: () => cancel(),
  };
}
