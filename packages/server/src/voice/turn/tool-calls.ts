import { MusterError, type Turn } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { within } from '../../platform/deadline.ts';

type CallTool = (name: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal) => Promise<string>;

export interface ToolCalls {
  /** Waits until the turn is certain, then calls. TOOL_TIMEOUT past the limit, TOOL_FAILED past 16 calls a turn. */
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<string>;
  /** For the flight recorder: what was called, how it went and how long it took. */
  readonly made: Turn['tools'];
}

const MOST_CALLS = 16;

/** The tool calls of one turn. A guess at what a person says must not act: nothing is called before `certain`. */
export function createToolCalls(deps: {
  readonly clock: Clock;
  readonly limitMs: number;
  readonly certain: Promise<void>;
  readonly signal: AbortSignal;
  readonly callTool: CallTool;
}): ToolCalls {
  const { clock, signal } = deps;
  const made: Turn['tools'][number][] = [];
  return {
    made,
    async call(name, args) {
      await deps.certain;
      if (made.length >= MOST_CALLS) throw new MusterError('TOOL_FAILED', { most: MOST_CALLS });
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
    },
  };
}
