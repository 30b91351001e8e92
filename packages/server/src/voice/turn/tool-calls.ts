import { MusterError, type Turn } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { unlessAborted, within } from '../../platform/deadline.ts';
import type { Attempt } from '../attempt.ts';

type CallTool = (name: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal) => Promise<string>;

export interface ToolCalls {
  /**
   * Waits until the turn is certain, then calls for the provider at work. TOOL_TIMEOUT past the limit, TOOL_FAILED
   * past 16 calls a turn. A provider that was given up calls nothing: rejects with the reason of its signal.
   */
  call(name: string, args: Readonly<Record<string, unknown>>, attempt: Attempt): Promise<string>;
  /** For the flight recorder: what was called, how it went and how long it took. */
  readonly made: Turn['tools'];
}

const MOST_CALLS = 16;

/** The tool calls of one turn. A guess at what a person says must not act: nothing is called before `certain`. */
export function createToolCalls(deps: {
  readonly clock: Clock;
  readonly limitMs: number;
  readonly certain: Promise<void>;
  readonly callTool: CallTool;
}): ToolCalls {
  const { clock } = deps;
  const made: Turn['tools'][number][] = [];

  async function make(name: string, args: Readonly<Record<string, unknown>>, attempt: Attempt): Promise<string> {
    const { signal } = attempt;
    await unlessAborted(deps.certain, signal);
    signal.throwIfAborted();
    if (made.length >= MOST_CALLS) throw new MusterError('TOOL_FAILED', { most: MOST_CALLS });
    attempt.acted();
    const begun = clock.monotonic();
    const entry = { name, ok: false, ms: 0 };
    made.push(entry);
    try {
      const deadline = { ms: deps.limitMs, code: 'TOOL_TIMEOUT', signal } as const;
      const result = await within(clock, deadline, (inner) => deps.callTool(name, args, inner));
      entry.ok = true;
      return result;
    } finally {
      entry.ms = Math.round(clock.monotonic() - begun);
    }
  }

  return {
    made,
    call: (name, args, attempt) => attempt.exempt(make(name, args, attempt)),
  };
}
