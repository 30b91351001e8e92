import { type ErrorContext, type Language, MusterError } from '@muster/contract';
import type { Static, TObject } from 'typebox';
import { Value } from 'typebox/value';
import type { ToolSpec } from '../ports.ts';
import type { Reminders } from '../reminders/index.ts';

/** Whom a tool works for, and with what. */
export interface ToolContext {
  readonly deviceId: string;
  readonly timeZone: string;
  readonly language: Language;
  /** Epoch ms */
  readonly now: number;
  readonly reminders: Reminders;
  readonly signal: AbortSignal;
}

export interface ToolDefinition<Parameters extends TObject> {
  /** Lower case with underscores, at most 64 characters: language models take nothing else. */
  readonly name: string;
  /** Read by the language model: when to use it, and what comes back. */
  readonly description: string;
  /** A closed TypeBox object (`additionalProperties: false`); arguments that do not fit are refused before `run`. */
  readonly parameters: Parameters;
  /** Resolves with text or JSON for the model. A MusterError's message is told to the model or the person. */
  run(args: Static<Parameters>, context: ToolContext): Promise<string>;
}

/** A tool of the server as its callers see it. */
export interface ServerTool {
  readonly spec: ToolSpec;
  /** Throws TOOL_FAILED, with a sentence that says why. */
  call(args: Readonly<Record<string, unknown>>, context: ToolContext): Promise<string>;
}

/** One tool of the server: `export const tool = defineTool({...})` in `voice/tools/<name>.ts`. */
export function defineTool<Parameters extends TObject>(definition: ToolDefinition<Parameters>): ServerTool {
  const { name, description, parameters } = definition;
  return {
    spec: { name, description, parameters: parameters as unknown as Readonly<Record<string, unknown>> },
    async call(args, context) {
      if (!Value.Check(parameters, args)) throw toolFailed(wrongArguments(parameters, args), { tool: name });
      try {
        return await definition.run(args, context);
      } catch (error) {
        if (!(error instanceof MusterError) || error.status >= 500) throw error;
        throw new MusterError('TOOL_FAILED', { tool: name, why: error.code }, { cause: error, say: error.message });
      }
    },
  };
}

/** A failure whose sentence is meant for the person. */
export function toolFailed(say: string, context: ErrorContext = {}): MusterError {
  return new MusterError('TOOL_FAILED', context, { say });
}

/** The first thing that is wrong, without the values: they may be a person's words. */
function wrongArguments(parameters: TObject, args: unknown): string {
  const [first] = Value.Errors(parameters, args);
  return `The arguments are wrong: ${first?.instancePath || 'they'} ${first?.message ?? 'do not fit'}.`;
}
