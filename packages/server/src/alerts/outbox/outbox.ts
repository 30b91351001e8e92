import { bug, codeOf, type Notification } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { within } from '../../platform/deadline.ts';
import type { Logger } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { ColumnSeal } from '../../platform/vault/index.ts';
import type { AlertsConfig } from '../config.ts';
import type { Message } from '../episodes/episodes.ts';
import type { Notifier, Outlets } from '../notifiers/define.ts';
import { writeLetter } from './letter.ts';
import type { Claimed, OutboxStore } from './store.ts';

export interface OutboxDeps {
  readonly store: OutboxStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly config: AlertsConfig;
  readonly kinds: ReadonlyMap<string, Notifier>;
  readonly outlets: Outlets;
  readonly seal: ColumnSeal;
  /** The name of a device or a server, for people. */
  readonly nameOf: (message: Message) => Promise<string>;
}

/** Sent at once. */
const AT_ONCE = 8;
/** The pause after the first failure; it doubles with each, up to an hour. */
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 3_600_000;

/** Pause before the next try, ms, after `attempts` that failed. */
function pauseAfter(attempts: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS);
}

/** Sends what was written, until it is taken or was tried too often. What was sent may be sent again after a crash. */
export function createOutbox(deps: OutboxDeps) {
  const { store, clock, log, config } = deps;
  const sends = deps.metrics.counter('muster_notifications_total', 'Tries to tell somebody', ['kind', 'outcome']);
  const stopped = new AbortController();
  let running: Promise<void> | null = null;
  let again = false;

  async function run(): Promise<void> {
    do {
      again = false;
      const now = clock.now();
      const claimed = await store.claim(now, now + config.sendMs * 2 + 5_000, AT_ONCE);
      await Promise.all(claimed.map(send));
      if (claimed.length === AT_ONCE) again = true;
    } while (again && !stopped.signal.aborted);
  }

  async function send(row: Claimed): Promise<void> {
    const outcome = await attempt(row);
    const now = clock.now();
    try {
      if (outcome.why === null) await store.sent(row.notification_id, now);
      else if (stopped.signal.aborted) await store.failed(row.notification_id, outcome.why, now);
      else if (row.attempts < config.attempts) {
        await store.failed(row.notification_id, outcome.why, now + pauseAfter(row.attempts));
      } else {
        const note = `${row.kind} gave up after ${row.attempts} tries: ${outcome.why}`;
        await store.dead(row, outcome.why, note, now);
        sends.inc({ kind: row.kind, outcome: 'dead' });
        log.error({ notifierId: row.notifier_id, kind: row.kind }, 'a notification was given up');
      }
    } catch (error) {
      log.warn({ err: error }, 'the outcome of a notification could not be written; it is sent again');
    }
  }

  async function attempt(row: Claimed): Promise<{ readonly why: string | null }> {
    try {
      const letter = writeLetter(row.message, row.notification_id, await deps.nameOf(row.message));
      await sendOne(row.kind, letter, row);
      sends.inc({ kind: row.kind, outcome: 'sent' });
      return { why: null };
    } catch (error) {
      sends.inc({ kind: row.kind, outcome: 'failed' });
      if (codeOf(error) === 'INTERNAL') log.error({ err: error, kind: row.kind }, 'a notifier failed');
      return { why: error instanceof Error ? error.message.slice(0, 500) : String(error) };
    }
  }

  async function sendOne(
    kindName: string,
    letter: ReturnType<typeof writeLetter>,
    to: Pick<Claimed, 'notifier_id' | 'site_id' | 'settings' | 'sealed_secrets'>,
  ): Promise<string> {
    const kind = deps.kinds.get(kindName);
    if (kind === undefined) throw bug(`there is no notifier of the kind ${kindName}`);
    const deadline = { ms: config.sendMs, code: 'NOTIFIER_FAILED', signal: stopped.signal } as const;
    const { site_id: siteId, settings, sealed_secrets: sealed } = to;
    const secrets = sealed === null ? {} : JSON.parse(deps.seal.open(sealed, [to.notifier_id]).toString());
    return within(clock, deadline, (signal) => kind.send(letter, { siteId, settings, secrets }, deps.outlets, signal));
  }

  return {
    sendOne,
    /** Looks for what is due; returns at once. */
    wake(): void {
      again = true;
      if (stopped.signal.aborted) return;
      running ??= run()
        .catch((error: unknown) => log.warn({ err: error }, 'notifications could not be read; trying again'))
        .finally(() => {
          running = null;
        });
    },
    /** Resolves when nothing is being sent. */
    async settled(): Promise<void> {
      while (running !== null) await running;
    },
    async stop(): Promise<void> {
      stopped.abort();
      while (running !== null) await running;
    },
    async ofAlert(alertId: string): Promise<Notification[]> {
      return (await store.ofAlert(alertId)).map((row) => ({
        notificationId: row.notification_id,
        alertId: row.alert_id,
        notifierId: row.notifier_id,
        deed: row.deed,
        state: row.state,
        attempts: row.attempts,
        nextTryAt: row.next_try_at,
        lastError: row.last_error,
        createdAt: row.created_at,
        sentAt: row.sent_at,
      }));
    },
  };
}
export type Outbox = ReturnType<typeof createOutbox>;
