import type { Static, TObject } from 'typebox';
import type { Audio } from '../audio/port.ts';

/** What tools may touch. */
export interface ToolDeps {
  readonly audio: Audio;
  readonly network: () => Readonly<Record<string, unknown>>;
  /** Restarts the machine; null when the configuration forbids it. */
  readonly reboot: (() => Promise<void>) | null;
}

/** One MCP tool: a file of `mcp/tools` that exports `tool`. */
export interface ToolDefinition<Input extends TObject = TObject> {
  /** As devices in the field call it, so that servers and people know it. */
  readonly name: string;
  /** For the language model: what it does and when to use it. */
  readonly description: string;
  readonly input: Input;
  /** Listed only for a server that asks for the tools of the user (not of the language model). */
  readonly userOnly?: boolean;
  /** The text of the result. Throws TOOL_FAILED or a driver's error: its message is told to the server. */
  run(input: Static<Input>, deps: ToolDeps): Promise<string>;
}

/** A definition that checks its own input, for the list. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly input: TObject;
  readonly userOnly: boolean;
  /** Throws TOOL_FAILED when `input` does not fit the schema. */
  call(input: unknown, deps: ToolDeps): Promise<string>;
}
