import type { PartState, ReadyReply } from '@muster/contract';
import type { Clock } from '../platform/clock.ts';
import { within } from '../platform/deadline.ts';

/** One part of the server, asked for its state now or known from its last check. */
export interface Part {
  readonly name: string;
  /** Must answer within the check's time; a rejection is `down`. */
  check():
    | Promise<{ readonly state: PartState; readonly detail?: string | null }>
    | { readonly state: PartState; readonly detail?: string | null };
}

export interface Readiness {
  /** State of every part and how old that knowledge is. Cheap: reads what the last round found. */
  report(): ReadyReply;
  /** Looks once at every part. */
  look(): Promise<void>;
  start(): void;
  stop(): void;
}

const ROUND_MS = 5_000;
const CHECK_MS = 2_000;

export function createReadiness(clock: Clock, parts: readonly Part[]): Readiness {
  const known = new Map<string, { state: PartState; detail: string | null; at: number }>();
  let cancel: (() => void) | null = null;

  async function lookAt(part: Part): Promise<void> {
    let found: { state: PartState; detail?: string | null };
    try {
      found = await within(clock, { ms: CHECK_MS, code: 'UNAVAILABLE' }, async () => part.check());
    } catch (error) {
      found = { state: 'down', detail: error instanceof Error ? error.message : String(error) };
    }
    known.set(part.name, { state: found.state, detail: found.detail ?? null, at: clock.monotonic() });
  }

  async function look(): Promise<void> {
    await Promise.all(parts.map(lookAt));
  }

  function again(): void {
    cancel = clock.after(ROUND_MS, () => void look().then(() => cancel !== null && again()));
  }

  return {
    look,
    report() {
      const rows = parts.map(({ name }) => {
        const found = known.get(name);
        return {
          name,
          state: found?.state ?? ('starting' as const),
          ageMs: found === undefined ? null : Math.round(clock.monotonic() - found.at),
          detail: found?.detail ?? null,
        };
      });
      return { ready: rows.every(({ state }) => state === 'ready' || state === 'degraded'), parts: rows };
    },
    start: again,
    stop() {
      cancel?.();
      cancel = null;
    },
  };
}
