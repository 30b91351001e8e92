import { faultsOf, MusterError } from '@muster/contract';
import type { Static, TObject } from 'typebox';
import { Value } from 'typebox/value';
import type { OutboundReply, OutboundRequest } from '../../platform/outbound/index.ts';
import type { Message } from '../episodes/episodes.ts';

/** What is sent. */
export interface Letter extends Message {
  /** The same for every try: receivers tell a repeated notification by it. */
  readonly notificationId: string;
  /** The name of the device or the server. */
  readonly subjectName: string;
  /** One line for people. */
  readonly title: string;
  /** Some lines for people. */
  readonly text: string;
}

export interface Mail {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

/** The ways out of the server. Each rejects with NOTIFIER_FAILED, which says why, and stops with the signal. */
export interface Outlets {
  /** Epoch ms */
  now(): number;
  /** The status and the first 2,000 characters of the answer. Follows no redirect. */
  request(request: OutboundRequest, signal: AbortSignal): Promise<OutboundReply>;
  mail(mail: Mail, signal: AbortSignal): Promise<string>;
  /** Publishes on `devices/{deviceId}/{rest}` to the device and to programs of its site that subscribed there. */
  publish(to: { readonly deviceId: string; readonly siteId: string }, rest: string, payload: string): Promise<void>;
  readonly telegramUrl: string;
}

export interface NotifierDefinition<Settings extends TObject, Secrets extends TObject> {
  readonly kind: string;
  readonly title: string;
  /** Closed TypeBox objects. Secrets are written and never read by the API. */
  readonly settings: Settings;
  readonly secrets: Secrets;
  /**
   * Resolves with what the receiver answered once it has the letter; rejects with NOTIFIER_FAILED when it has not, or
   * nobody knows. It may be called again with the same letter.
   */
  send(
    letter: Letter,
    to: { readonly siteId: string | null; readonly settings: Static<Settings>; readonly secrets: Static<Secrets> },
    outlets: Outlets,
    signal: AbortSignal,
  ): Promise<string>;
}

/** A way to tell people, as its callers see it. */
export interface Notifier {
  readonly kind: string;
  readonly title: string;
  readonly settings: TObject;
  readonly secrets: TObject;
  /** With defaults filled in. REQUEST_INVALID says what does not fit, never the value. */
  read(part: 'settings' | 'secrets', given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  send(
    letter: Letter,
    to: { readonly siteId: string | null; readonly settings: unknown; readonly secrets: unknown },
    outlets: Outlets,
    signal: AbortSignal,
  ): Promise<string>;
}

/** One way to tell people: `export const notifier = defineNotifier({...})` in `alerts/notifiers/<kind>.ts`. */
export function defineNotifier<Settings extends TObject, Secrets extends TObject>(
  definition: NotifierDefinition<Settings, Secrets>,
): Notifier {
  return {
    ...(definition as unknown as Notifier),
    read(part, given) {
      const schema = definition[part];
      const value = Value.Default(schema, structuredClone(given));
      if (Value.Check(schema, value)) return value as Readonly<Record<string, unknown>>;
      const faults = faultsOf(schema, Value.Errors(schema, value), part);
      throw new MusterError('REQUEST_INVALID', { kind: definition.kind }, { say: `${part}: ${faults.join('; ')}.` });
    },
  };
}

/** The receiver said no, or could not be reached. */
export function notTaken(say: string, cause?: unknown): MusterError {
  return new MusterError('NOTIFIER_FAILED', {}, { say, cause });
}

/** For those that answer over HTTP: anything but 2xx means that it was not taken. */
export function tookIt({ status, text }: { readonly status: number; readonly text: string }): string {
  if (status >= 200 && status < 300) return `answered ${status}`;
  const why = text.replace(/\s+/g, ' ').trim().slice(0, 200);
  throw notTaken(`The receiver answered ${status}${why === '' ? '' : `: ${why}`}`);
}
