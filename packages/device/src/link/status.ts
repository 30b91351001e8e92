import type { PartState } from '@muster/contract';
import type { Session } from './session.ts';

/** A channel that was silent for longer is not called ready, ms: the device asks for a sign of life each 20 s. */
const SILENT_MS = 50_000;

export interface LinkStatus {
  /** The open channel, or null. */
  session(): Session | null;
  opened(session: Session): void;
  /** No channel, and why: `starting` before there ever was one. */
  absent(state: 'starting' | 'down', why: string): void;
  /** Looks at the socket itself, so that it cannot say more than is true. */
  state(): { readonly state: PartState; readonly since: number; readonly detail: string | null };
}

/** What is known of the connection. */
export function createLinkStatus(): LinkStatus {
  let session: Session | null = null;
  let state: PartState = 'starting';
  let detail: string | null = null;
  let since = performance.now();

  function set(next: PartState, why: string | null): void {
    if (next !== state) since = performance.now();
    state = next;
    detail = why;
  }

  return {
    session: () => session,
    opened(open) {
      session = open;
      set('ready', null);
    },
    absent(next, why) {
      session = null;
      set(next, why);
    },
    state() {
      if (session === null) return { state, since, detail };
      const silentMs = Math.round(session.silentMs());
      if (!session.isOpen()) return { state: 'down', since, detail: 'the socket is closed' };
      return { state: silentMs > SILENT_MS ? 'degraded' : 'ready', since, detail: `last heard ${silentMs} ms ago` };
    },
  };
}
