import { MusterError } from '@muster/contract';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { checkAddress, type Mailbox, oneLine, readMailbox } from './address.ts';
import type { MailConfig } from './config.ts';
import { createMailDirectory } from './directory.ts';
import { createSmtp, readSmtpUrl } from './smtp.ts';

export interface Letter {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface Mailer {
  /** False when neither mail.url nor mail.dir is set: then a link is shown to the administrator instead. */
  readonly configured: boolean;
  /**
   * Takes it on and returns at once; it is tried until the mail server has it, refuses it for good, or the attempts are
   * used up. Throws MAIL_REFUSED (no address), MAIL_UNAVAILABLE (not configured, or too many wait).
   */
  send(letter: Letter): void;
  /** For /ready and for people. `failing` is null when the last try went well. */
  state(): { readonly waiting: number; readonly failing: string | null };
  /** Gives up what waits. */
  stop(): void;
}

interface Message {
  readonly from: Mailbox;
  readonly to: Mailbox;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A way out. `carry` rejects when the mail was not taken; nodemailer's errors bear `responseCode`. */
export interface Carrier {
  carry(message: Message): Promise<unknown>;
  close(): void;
}

/** RFC 3834: asks robots for no answer. */
const HEADERS = { 'Auto-Submitted': 'auto-generated' };
/** With six attempts 5 s, 15 s, 45 s, 135 s, 405 s: ten minutes, so that a link of 30 min still helps. */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 600_000;
const AT_ONCE = 2;
const LONGEST_SUBJECT = 200;

/** Throws CONFIG_INVALID for a mail.url that is none and MAIL_REFUSED for a mail.from that is none. */
export function createMailer(config: MailConfig, deps: { clock: Clock; log: Logger; metrics: Metrics }): Mailer {
  const { clock, log, metrics } = deps;
  const carrier = createCarrier(config, clock);
  const from = readMailbox(config.from);
  const queue: { message: Message; attempt: number }[] = [];
  const pauses = new Set<() => void>();
  let working = 0;
  let stopped = false;
  let failing: string | null = null;
  const counter = metrics.counter('muster_mails_total', 'Mails, by what became of a try', ['outcome']);
  metrics.gauge('muster_mails_waiting', 'Mails that the mail server does not have yet', () => waiting());

  const waiting = (): number => queue.length + pauses.size + working;

  function turn(): void {
    while (!stopped && working < AT_ONCE) {
      const next = queue.shift();
      if (next === undefined) return;
      working += 1;
      void tryOnce(next.message, next.attempt).finally(() => {
        working -= 1;
        turn();
      });
    }
  }

  async function tryOnce(message: Message, attempt: number): Promise<void> {
    try {
      await carrier?.carry(message);
      failing = null;
      counter.inc({ outcome: 'sent' });
    } catch (error) {
      const { code = 'UNKNOWN', responseCode } = error as { code?: string; responseCode?: number };
      // it is shown to people who run the server: never words of the other side, they may quote the letter
      failing = responseCode === undefined ? code : `${code} ${responseCode}`;
      // RFC 5321 4.2.1: 5yz is refused for good
      const final = attempt >= config.attempts || (responseCode !== undefined && responseCode >= 500);
      counter.inc({ outcome: final ? 'given up' : 'failed' });
      if (final) log.error({ code, responseCode, attempt, pii: { to: message.to.address } }, 'a mail was given up');
      else {
        log.warn({ code, responseCode, attempt }, 'a mail was not taken and is tried again');
        retryLater(message, attempt);
      }
    }
  }

  function retryLater(message: Message, attempt: number): void {
    if (stopped) return;
    const cancel = clock.after(Math.min(FIRST_PAUSE_MS * 3 ** (attempt - 1), LONGEST_PAUSE_MS), () => {
      pauses.delete(cancel);
      queue.push({ message, attempt: attempt + 1 });
      turn();
    });
    pauses.add(cancel);
  }

  return {
    configured: carrier !== null,
    send({ to, subject, text, html }) {
      if (carrier === null || stopped)
        throw new MusterError('MAIL_UNAVAILABLE', {}, { say: 'No mail server is set: mail.url.' });
      if (waiting() >= config.mostWaiting)
        throw new MusterError('MAIL_UNAVAILABLE', {}, { say: 'Too many mails wait for the mail server.' });
      const receiver = { name: '', address: checkAddress(to) };
      const line = oneLine(subject, LONGEST_SUBJECT);
      queue.push({ message: { from, to: receiver, subject: line, text, html, headers: HEADERS }, attempt: 1 });
      turn();
    },
    state: () => ({ waiting: waiting(), failing }),
    stop() {
      const lost = waiting();
      stopped = true;
      queue.length = 0;
      for (const cancel of pauses) cancel();
      pauses.clear();
      carrier?.close();
      if (lost > 0) log.warn({ mails: lost }, 'mails were not sent before the stop');
    },
  };
}

/** The directory wins: who sets it wants to send none. */
function createCarrier({ url, dir, sendMs }: MailConfig, clock: Clock): Carrier | null {
  if (dir !== undefined) return createMailDirectory(dir, clock);
  if (url === undefined) return null;
  const smtp = createSmtp(readSmtpUrl(url), sendMs);
  return { carry: (message) => smtp.sendMail(message), close: () => smtp.close() };
}
