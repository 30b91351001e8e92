import type { MessageKind } from './wires/wire.ts';

/** A message that is kept until it is acknowledged. */
export interface Entry {
  readonly kind: MessageKind;
  readonly body: object;
  /** Times that it left. */
  tries: number;
  onItsWay: boolean;
  /** By the fleet's monotonic clock, ms. */
  sentAt: number;
}

/** What a device has to say, oldest first. Bounded: the oldest that is not on its way goes when there is no room. */
export interface Outbox {
  /** True when it had to drop one. */
  add(kind: MessageKind, body: object): boolean;
  /** The oldest that is not on its way; it is from now on. */
  take(): Entry | undefined;
  /** It was not taken: it leaves again. */
  putBack(entry: Entry): void;
  remove(entry: Entry): void;
  /** The connection is gone: all of it leaves again, in the old order. */
  rewind(): void;
  /** When the oldest of those on their way left; null when none is. */
  oldestSentAt(): number | null;
  readonly size: number;
  readonly onItsWay: number;
}

export function createOutbox(capacity: number): Outbox {
  const entries: Entry[] = [];
  let away = 0;

  function remove(entry: Entry | undefined): void {
    // what is on its way stands near the front
    const at = entry === undefined ? -1 : entries.indexOf(entry);
    if (at < 0) return;
    if (entry?.onItsWay === true) away -= 1;
    entries.splice(at, 1);
  }
  function putBack(entry: Entry): void {
    if (entry.onItsWay) away -= 1;
    entry.onItsWay = false;
  }

  return {
    add(kind, body) {
      const isFull = entries.length >= capacity;
      if (isFull) remove(entries.find(({ onItsWay }) => !onItsWay) ?? entries[0]);
      entries.push({ kind, body, tries: 0, onItsWay: false, sentAt: 0 });
      return isFull;
    },
    take() {
      const entry = entries.find(({ onItsWay }) => !onItsWay);
      if (entry === undefined) return undefined;
      entry.onItsWay = true;
      away += 1;
      return entry;
    },
    putBack,
    remove,
    rewind() {
      for (const entry of entries) if (entry.onItsWay) putBack(entry);
    },
    oldestSentAt() {
      if (away === 0) return null;
      let oldest = Number.POSITIVE_INFINITY;
      for (const { onItsWay, sentAt } of entries) if (onItsWay) oldest = Math.min(oldest, sentAt);
      return oldest;
    },
    get size() {
      return entries.length;
    },
    get onItsWay() {
      return away;
    },
  };
}
