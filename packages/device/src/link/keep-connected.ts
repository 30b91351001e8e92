import { codeOf } from '@muster/contract';
import type { Log } from '../log.ts';
import { fullJitterMs } from './backoff.ts';
import type { Access, Session } from './session.ts';
import { wait } from './wait.ts';

/** A connection that lasted this long was a good one: the next starts without a long pause. */
const STEADY_MS = 10_000;

export interface KeepConnectedDeps {
  /** Asks the server where to connect; waits for activation if need be. */
  readonly access: (signal: AbortSignal) => Promise<Access>;
  readonly open: (access: Access, signal: AbortSignal) => Promise<Session>;
  readonly onOpen: (session: Session) => void;
  readonly onClosed: (why: string) => void;
  readonly log: Log;
}

/**
 * Keeps one channel open until aborted, because a reminder can only ring on an open one: a server that closes an idle
 * channel gets a new one. A refused token leads back to the check-in. Only a wrong configuration makes it throw.
 */
export async function keepConnected(deps: KeepConnectedDeps, signal: AbortSignal): Promise<void> {
  let access: Access | null = null;
  let failures = 0;
  while (!signal.aborted) {
    try {
      access ??= await deps.access(signal);
      const session = await deps.open(access, signal);
      const openedAt = performance.now();
      deps.log.info('connected', { sessionId: session.sessionId });
      deps.onOpen(session);
      const { code, reason } = await session.closed;
      if (performance.now() - openedAt > STEADY_MS) failures = 0;
      deps.log.info('the connection ended', { code, reason });
      deps.onClosed(`closed with ${code} ${reason}`.trim());
    } catch (error) {
      if (signal.aborted) return;
      const code = codeOf(error);
      if (code === 'DEVICE_TOKEN_INVALID') access = null;
      else if (code !== 'SERVER_UNREACHABLE') throw error;
      const message = error instanceof Error ? error.message : String(error);
      deps.log.warn('cannot connect', { code, failures, detail: message });
      deps.onClosed(message);
    }
    // the address may have moved with the server: ask again now and then
    if (failures > 0 && failures % 5 === 0) access = null;
    try {
      await wait(fullJitterMs(failures++), signal);
    } catch {
      return;
    }
  }
}
