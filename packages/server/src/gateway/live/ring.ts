/** Bytes that all rings of a server may hold together. */
export interface RingBudget {
  left: number;
}

/** The newest changes of one topic, for viewers that come back. */
export interface Ring {
  add(frame: Buffer): void;
  /** What came after `seq`, the oldest first; null when that is not all kept. */
  after(seq: number): readonly Buffer[] | null;
  clear(): void;
}

const MOST_FRAMES = 256;
const MOST_BYTES = 131_072;

/** A change is one more than the one before; `first` is the number of the first. */
export function createRing(budget: RingBudget, first: number): Ring {
  let frames: Buffer[] = [];
  let bytes = 0;
  /** Number of the oldest that is kept, or of the next one. */
  let begin = first;

  function drop(): void {
    const oldest = frames.shift();
    if (oldest === undefined) return;
    begin += 1;
    bytes -= oldest.length;
    budget.left += oldest.length;
  }

  function clear(): void {
    begin += frames.length;
    budget.left += bytes;
    frames = [];
    bytes = 0;
  }

  return {
    add(frame) {
      frames.push(frame);
      bytes += frame.length;
      budget.left -= frame.length;
      while (frames.length > MOST_FRAMES || bytes > MOST_BYTES) drop();
      // the others keep theirs: whoever adds past the bound pays
      if (budget.left < 0) clear();
    },
    after(seq) {
      const from = seq + 1 - begin;
      return from < 0 || from > frames.length ? null : frames.slice(from);
    },
    clear,
  };
}
