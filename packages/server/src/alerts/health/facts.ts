import type { PointValue } from '@muster/contract';

/** What is known of a device when its health is asked for. Instants are epoch ms. */
export interface HealthFacts {
  readonly now: number;
  readonly connected: boolean;
  /** Whether it keeps a connection while it is on; null when it never had one. */
  readonly keepsConnection: boolean | null;
  readonly lastSeenAt: number | null;
  /** The newest point of each series. */
  readonly latest: ReadonlyMap<
    string,
    { readonly at: number; readonly receivedAt: number; readonly value: PointValue }
  >;
  /** Counted within {@link RECENT_MS}; null when the server has not watched that long and saw none. */
  readonly refused: number | null;
  readonly errorEvents: number | null;
  readonly commandsDone: number | null;
  readonly commandsFailed: number | null;
}

/** How far back refusals, events and commands are counted, ms. */
export const RECENT_MS = 900_000;

/** A number is best up to `good` and worthless from `bad` on; `bad` may be the smaller one, as for a battery. */
export interface Range {
  readonly good: number;
  readonly bad: number;
}

/** What a device of a profile should keep to. */
export interface HealthLimits {
  /** It may be away this long before its link counts as bad, ms. */
  readonly awayMs: number;
  /** How long it may send nothing, ms; null: it need not send anything. */
  readonly silentMs: Range | null;
  /** Series that say how much of something is used or left. */
  readonly resources: Readonly<Record<string, Range>>;
  /** Series that must have one of these values. */
  readonly safety: Readonly<Record<string, readonly PointValue[]>>;
}

/** For devices whose profile says nothing. Percentages, as most devices send them. */
export const DEFAULT_LIMITS: HealthLimits = {
  awayMs: 300_000,
  silentMs: { good: 300_000, bad: 600_000 },
  resources: {
    cpuPercent: { good: 80, bad: 100 },
    memoryPercent: { good: 85, bad: 100 },
    diskPercent: { good: 85, bad: 100 },
    batteryPercent: { good: 30, bad: 5 },
  },
  safety: { estop: [false] },
};

/** The score of one part with what limits it. `score` null: nothing is known. */
export interface Scored {
  readonly score: number | null;
  readonly fact: string;
}

/** 100 up to `good`, 0 from `bad` on, even in between. Never better for a worse value. */
export function along(value: number, { good, bad }: Range): number {
  if (Number.isNaN(value)) return 0;
  if (good === bad) return value <= good ? 100 : 0;
  const part = (value - good) / (bad - good);
  return Math.round((1 - Math.min(1, Math.max(0, part))) * 100);
}
