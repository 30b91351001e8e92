import { type Command, codeOf, LIMITS, MusterError } from '@muster/contract';
import type { Commands } from '../commands/index.ts';
import type { VoiceLink } from './ports.ts';

export type ToolCommands = Pick<Commands, 'dispatch' | 'wait' | 'cancel'>;

/**
 * Calls a tool of a device as a command of the assistant: stored before it is sent, on the same way as a person's.
 * Resolves with its text. TOOL_TIMEOUT, TOOL_FAILED, or the signal's reason: then it is called back if it has not left.
 */
export async function callDeviceTool(
  commands: ToolCommands,
  { deviceId, siteId }: Pick<VoiceLink, 'deviceId' | 'siteId'>,
  name: string,
  args: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<string> {
  const sent = { deviceId, siteId, name, args, deadlineMs: LIMITS.mcpCallMs, sentBy: 'assistant' };
  const { command } = await commands.dispatch(sent).catch((cause: unknown) => {
    const say = cause instanceof MusterError ? { say: cause.message } : {};
    throw new MusterError('TOOL_FAILED', { name }, { cause, ...say });
  });
  const ended = await commands.wait(command.commandId, LIMITS.mcpCallMs, signal);
  if (signal.aborted) {
    await callBack(commands, ended);
    throw signal.reason;
  }
  return textOf(ended);
}

/** What was sent, or has ended meanwhile, stays as it is. */
async function callBack(commands: ToolCommands, { commandId }: Command): Promise<void> {
  await commands.cancel(commandId).catch((error: unknown) => {
    if (!['CONFLICT', 'COMMAND_ENDED'].includes(codeOf(error))) throw error;
  });
}

function textOf({ name, state, result, error }: Command): string {
  if (state === 'confirmed') return typeof result === 'string' ? result : JSON.stringify(result);
  if (state !== 'failed' && state !== 'rejected') throw new MusterError('TOOL_TIMEOUT', { name, state });
  throw new MusterError('TOOL_FAILED', { name }, error === null ? {} : { say: error.message });
}
