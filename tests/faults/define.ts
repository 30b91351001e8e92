/** What a fault run may use. */
export interface FaultContext {
  readonly rounds: number;
  /** One line about what is being done or was checked. */
  say(line: string): void;
  /** Aborted by Ctrl-C: stop, and clean up. */
  readonly signal: AbortSignal;
}

export interface FaultResult {
  /** Things that were compared with what was promised. */
  readonly checked: number;
  /** Acknowledged and not there. */
  readonly lost: number;
  /** There, or done, more than once. */
  readonly doubled: number;
  /** What else fell short of the promise, in words; null: nothing. */
  readonly short: string | null;
  /** What was measured on the way, such as `readyP95Ms`. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** One way of breaking the server, and what must hold all the same. */
export interface Fault {
  /** The name of its file, without `.fault.ts`. */
  readonly name: string;
  readonly summary: string;
  /** Rounds when nobody says how many. */
  readonly rounds: number;
  run(context: FaultContext): Promise<FaultResult>;
}

/** `export const fault = defineFault({…})` in `tests/faults/<name>.fault.ts`: `npm run faults -- <name>` finds it. */
export function defineFault(fault: Fault): Fault {
  return fault;
}
