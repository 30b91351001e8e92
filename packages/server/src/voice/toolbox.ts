import type { Language } from '@muster/contract';
import type { Clock } from '../platform/clock.ts';
import type { ToolSpec, VoiceLink } from './ports.ts';
import type { Reminders } from './reminders/index.ts';

/** What may be called during a turn: tools of the server and those of the device that the assistant allows. */
export interface Toolbox {
  of(
    link: VoiceLink,
    rules: { readonly allowed: readonly string[] | null; readonly timeZone: string; readonly language: Language },
  ): {
    readonly tools: readonly ToolSpec[];
    readonly callTool: (name: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal) => Promise<string>;
  };
}

export function createToolbox(_deps: { readonly reminders: Reminders; readonly clock: Clock }): Toolbox {
  return {
    of(link, { allowed }) {
      const offered = link.tools().filter((tool) => allowed === null || allowed.includes(tool.name));
      return {
        tools: offered.map(({ name, description, inputSchema }) => ({ name, description, parameters: inputSchema })),
        callTool: (name, args, signal) => link.callTool(name, args, signal),
      };
    },
  };
}
