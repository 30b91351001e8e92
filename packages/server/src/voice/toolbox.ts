import { type Language, MusterError } from '@muster/contract';
import type { Clock } from '../platform/clock.ts';
import { callDeviceTool, type ToolCommands } from './device-call.ts';
import type { ToolSpec, VoiceLink } from './ports.ts';
import type { Reminders } from './reminders/index.ts';
import { serverTools } from './tools/index.ts';

export interface ToolRules {
  /** Names of device tools that the assistant may call; null allows all. Tools of the server always are. */
  readonly allowed: readonly string[] | null;
  readonly timeZone: string;
  readonly language: Language;
}

/** What may be called during a turn: tools of the server and those of the device. */
export interface Toolbox {
  of(
    link: VoiceLink,
    rules: ToolRules,
  ): {
    readonly tools: readonly ToolSpec[];
    /** Throws TOOL_UNKNOWN for what is not in `tools`, TOOL_FAILED with a sentence for the person. */
    readonly callTool: (name: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal) => Promise<string>;
  };
}

export function createToolbox(deps: {
  readonly reminders: Reminders;
  readonly clock: Clock;
  readonly commands: ToolCommands;
}): Toolbox {
  const { reminders, clock, commands } = deps;
  const ours = [...serverTools.values()].map(({ spec }) => spec);
  return {
    of(link, { allowed, timeZone, language }) {
      const offered = link.tools().filter(({ name }) => allowed === null || allowed.includes(name));
      const theirs = offered.map(({ name, description, inputSchema }) => ({
        name,
        description,
        parameters: inputSchema,
      }));
      return {
        tools: [...ours, ...theirs],
        async callTool(name, args, signal) {
          const tool = serverTools.get(name);
          if (tool !== undefined) {
            const { deviceId } = link;
            return tool.call(args, { deviceId, timeZone, language, now: clock.now(), reminders, signal });
          }
          if (!offered.some((one) => one.name === name)) throw new MusterError('TOOL_UNKNOWN', { name });
          return callDeviceTool(commands, link, name, args, signal);
        },
      };
    },
  };
}
