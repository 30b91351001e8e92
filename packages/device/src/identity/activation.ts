import { codeOf } from '@muster/contract';
import { fullJitterMs } from '../link/backoff.ts';
import type { Access } from '../link/session.ts';
import { wait } from '../link/wait.ts';
import type { Log } from '../log.ts';
import { type ActivationOffer, askActivated, type CheckInOptions, checkIn } from './check-in.ts';
import { type Identity, saveIdentity } from './identity-file.ts';

/** 60 polls of 5 s, then a new check-in: the rhythm of the clients in the field (py-xiaozhi 2.1.1). */
const POLLS = 60;
const POLL_MS = 5_000;
/** From the yes to the next check-in, ms: a server that says yes for ever is not asked faster than this. */
const AGAIN_MS = 500;
/** How often the code is told again, polls. */
const TELL_EVERY = 6;

export interface ActivationDeps {
  readonly options: CheckInOptions;
  readonly folder: string;
  readonly log: Log;
  /** Shows and speaks the code; the signal ends it. */
  readonly tell: (code: string, signal: AbortSignal) => Promise<void>;
  readonly state: (state: 'asking' | 'waitingForOwner' | 'active' | 'unreachable', detail: string | null) => void;
}

/**
 * Asks the server until it lets this device in, however long that takes, and returns where to connect. A server that
 * cannot be reached is asked again with growing pauses.
 */
export async function becomeActive(deps: ActivationDeps, identity: Identity, signal: AbortSignal): Promise<Access> {
  const { server } = deps.options;
  let failures = 0;
  let isStranger = identity.activatedBy !== server;
  for (;;) {
    signal.throwIfAborted();
    try {
      const reply = await checkIn(deps.options, identity, isStranger, signal);
      failures = 0;
      if ('access' in reply) {
        if (identity.activatedBy !== server) {
          identity.activatedBy = server;
          await saveIdentity(deps.folder, identity);
        }
        deps.state('active', null);
        return reply.access;
      }
      if (reply.offer.code !== null && !isStranger) {
        // revoked there, or another database behind the same address: it has to learn the key again
        isStranger = true;
        continue;
      }
      await waitForOwner(deps, identity, reply.offer, signal);
    } catch (error) {
      signal.throwIfAborted();
      const code = codeOf(error);
      if (code !== 'SERVER_UNREACHABLE') throw error;
      const message = error instanceof Error ? error.message : String(error);
      deps.state('unreachable', message);
      deps.log.warn('the server does not answer the check-in', { failures, code, detail: message });
      await wait(fullJitterMs(failures++), signal);
    }
  }
}

async function waitForOwner(
  deps: ActivationDeps,
  identity: Identity,
  offer: ActivationOffer,
  signal: AbortSignal,
): Promise<void> {
  deps.state(offer.code === null ? 'asking' : 'waitingForOwner', null);
  for (let poll = 0; poll < POLLS; poll++) {
    if (offer.code !== null && poll % TELL_EVERY === 0) await deps.tell(offer.code, signal);
    const answer = await askActivated(deps.options, identity, offer.challenge, signal);
    if (answer === 'active') return wait(AGAIN_MS, signal);
    if (answer === 'refused') deps.log.error('the server refuses the key of this device', {});
    await wait(POLL_MS, signal);
  }
}
