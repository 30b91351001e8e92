import type { FleetClock } from './clock.ts';

/** Many timers on one: thousands of devices wait for five things each. Each runs at most one tick late. */
export interface TimerWheel extends FleetClock {
  /** Timers that wait. */
  readonly size: number;
  /** Cancels them all; new ones are ignored. */
  stop(): void;
}

interface Timer {
  readonly dueTick: number;
  readonly task: () => void;
}

/** Timers further off than this many ticks share a slot with nearer ones and are passed over until it is their time. */
const SLOTS = 1_024;

/** `tickMs`: how exact they are. While none waits, the clock is left alone. */
export function createTimerWheel(clock: FleetClock, tickMs = 25): TimerWheel {
  const slots = new Map<number, Set<Timer>>();
  const startedAt = clock.monotonic();
  let doneTick = 0;
  let size = 0;
  let stopped = false;
  let cancelTick: (() => void) | null = null;

  const tickNow = (): number => Math.floor((clock.monotonic() - startedAt) / tickMs);

  function plan(): void {
    if (size === 0 || stopped || cancelTick !== null) return;
    cancelTick = clock.after(tickMs, () => {
      cancelTick = null;
      turn();
      plan();
    });
  }

  function turn(): void {
    const now = tickNow();
    // after a long pause each slot is looked at once, not once for each tick that was missed
    const from = Math.max(doneTick + 1, now - SLOTS + 1);
    doneTick = now;
    for (let tick = from; tick <= now; tick++) {
      const slot = slots.get(tick % SLOTS);
      if (slot === undefined) continue;
      for (const timer of slot) {
        if (timer.dueTick > now) continue;
        slot.delete(timer);
        size -= 1;
        timer.task();
      }
      if (slot.size === 0) slots.delete(tick % SLOTS);
    }
  }

  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after(ms, task) {
      if (stopped) return () => undefined;
      if (size === 0) doneTick = tickNow();
      const dueTick = Math.max(doneTick + 1, Math.ceil((clock.monotonic() - startedAt + Math.max(0, ms)) / tickMs));
      const timer: Timer = { dueTick, task };
      const slot = slots.get(dueTick % SLOTS) ?? new Set();
      slots.set(dueTick % SLOTS, slot.add(timer));
      size += 1;
      plan();
      return () => {
        if (slots.get(dueTick % SLOTS)?.delete(timer) === true) size -= 1;
      };
    },
    get size() {
      return size;
    },
    stop() {
      stopped = true;
      size = 0;
      slots.clear();
      cancelTick?.();
      cancelTick = null;
    },
  };
}
