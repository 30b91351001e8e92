import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { RECENT_MS } from './facts.ts';

export interface Recent {
  readonly refused: number;
  readonly errorEvents: number;
  readonly done: number;
  readonly failed: number;
}

/** Spans that the recent past is cut into: counts go span by span, without an instant for each event. */
const SPANS = 15;
const SPAN_MS = RECENT_MS / SPANS;
/** Devices that are remembered; the one that was quiet longest is forgotten first. */
const MOST_DEVICES = 50_000;

interface Span extends Record<keyof Recent, number> {
  index: number;
}

/** Counts what went wrong and right lately at each device, in memory: after a start it knows nothing for a while. */
export function createRecent(bus: Bus, clock: Clock) {
  const devices = new Map<string, Span[]>();
  const startedAt = clock.monotonic();

  function add(deviceId: string, what: keyof Recent, count: number): void {
    const index = Math.floor(clock.monotonic() / SPAN_MS);
    const spans = devices.get(deviceId)?.filter((span) => index - span.index < SPANS) ?? [];
    let last = spans.at(-1);
    if (last?.index !== index) {
      last = { index, refused: 0, errorEvents: 0, done: 0, failed: 0 };
      spans.push(last);
    }
    last[what] += count;
    devices.delete(deviceId);
    devices.set(deviceId, spans);
    if (devices.size > MOST_DEVICES) for (const oldest of devices.keys()) return void devices.delete(oldest);
  }

  const ends = [
    bus.subscribe('device.refused', ({ deviceId, code, count }) => {
      if (code !== 'SESSION_REPLACED') add(deviceId, 'refused', count);
    }),
    bus.subscribe('device.event', ({ deviceId, level }) => {
      if (level === 'error') add(deviceId, 'errorEvents', 1);
    }),
    bus.subscribe('command.changed', ({ deviceId, state }) => {
      if (state === 'confirmed') add(deviceId, 'done', 1);
      if (state === 'failed' || state === 'rejected' || state === 'expired' || state === 'unknown')
        add(deviceId, 'failed', 1);
    }),
  ];

  return {
    /** Null when nothing was seen and the server has not run long enough to say that there was nothing. */
    of(deviceId: string): Recent | null {
      const index = Math.floor(clock.monotonic() / SPAN_MS);
      const spans = (devices.get(deviceId) ?? []).filter((span) => index - span.index < SPANS);
      if (spans.length === 0 && clock.monotonic() - startedAt < RECENT_MS) return null;
      const sum = (what: keyof Recent): number => spans.reduce((all, span) => all + span[what], 0);
      return { refused: sum('refused'), errorEvents: sum('errorEvents'), done: sum('done'), failed: sum('failed') };
    },
    stop(): void {
      for (const end of ends) end();
    },
  };
}
