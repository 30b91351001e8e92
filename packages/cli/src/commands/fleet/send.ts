import { COMMAND_CLASSES, type Command, type CommandRequest, type ErrorCode, MusterError } from '@muster/contract';
import { defineCommand } from '../../command.ts';
import { usage } from '../../command-line.ts';
import { instantText } from '../../instant.ts';
import { tableOf } from '../../screen/terminal.ts';
import type { Api } from '../../server/api.ts';
import { findDevice } from '../../server/find.ts';
import { readObject } from '../../typed.ts';

const LIMIT = 20;
/** One long-poll; the next begins when nothing has ended. */
const POLL_MS = 20_000;
const deviceOperand = { required: true, summary: 'its name, id, hardware id or serial number' } as const;

/** How a command is said on the command line, for a device and for a group. */
export const commandOperands = {
  name: { required: true, summary: 'what to do, as the profile or the tool of the device names it' },
  args: { required: false, summary: 'its arguments, a JSON object' },
} as const;
export const commandOptions = {
  class: {
    kind: 'text',
    value: COMMAND_CLASSES.join('|'),
    summary: 'whether it may be sent again when its fate is not known; default: as the profile says, or act',
  },
  deadline: { kind: 'number', value: 'SECONDS', min: 1, max: 86_400, summary: 'give up after; default: of its class' },
} as const;

export function readCommand(
  { name, args }: { readonly name: string; readonly args: string | undefined },
  options: { readonly class: string | undefined; readonly deadline: number | undefined },
): CommandRequest {
  const commandClass = COMMAND_CLASSES.find((one) => one === options.class);
  if (options.class !== undefined && commandClass === undefined) {
    throw usage(`--class takes ${COMMAND_CLASSES.join(', ')}, not "${options.class}".`);
  }
  return {
    name,
    ...(args === undefined ? {} : { args: readObject(args, 'ARGS') }),
    ...(commandClass === undefined ? {} : { commandClass }),
    ...(options.deadline === undefined ? {} : { deadlineMs: options.deadline * 1_000 }),
  };
}

const send = defineCommand({
  name: 'send',
  summary: 'Send a command to a device',
  operands: { device: deviceOperand, ...commandOperands },
  options: {
    ...commandOptions,
    wait: { kind: 'flag', summary: 'wait until it has ended; exit code 1 unless the device confirms it' },
  },
  async run({ device, ...what }, { wait, ...options }, { terminal, json, signedIn }) {
    const request = readCommand(what, options);
    const api = await signedIn();
    const { deviceId } = await findDevice(api, device);
    let command = await api.sendCommand(deviceId, request, wait ? POLL_MS : 0);
    if (wait) command = await terminal.waiting(request.name, (say) => untilEnded(api, command, say));
    terminal.print(json ? JSON.stringify(command) : line(command));
    if (wait) mustBeConfirmed(command);
  },
});

const list = defineCommand({
  name: 'commands',
  summary: 'Show the last commands of a device, newest first',
  operands: { device: deviceOperand },
  options: { limit: { kind: 'number', value: 'N', min: 1, max: 1_000, summary: `at most so many (default ${LIMIT})` } },
  async run({ device }, { limit }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { deviceId } = await findDevice(api, device);
    const { commands } = await api.commandsOf(deviceId, { limit: limit ?? LIMIT });
    if (json) return terminal.print(JSON.stringify(commands));
    const rows = commands.map((command) => [
      command.state,
      command.name,
      took(command),
      outcome(command),
      command.sentBy,
      instantText(command.createdAt),
      command.commandId,
    ]);
    const head = ['STATE', 'NAME', 'TOOK', 'OUTCOME', 'SENT BY', 'AT', 'ID'];
    terminal.print(tableOf(head, rows, 'No commands yet.'));
  },
});

export const sendCommands = [send, list];

async function untilEnded(api: Api, first: Command, say: (label: string) => void): Promise<Command> {
  let command = first;
  while (command.endedAt === null) {
    say(
      `${command.name} ${command.state}${command.progress === null ? '' : ` ${Math.round(command.progress * 100)} %`}`,
    );
    command = await api.command(command.commandId, POLL_MS);
  }
  return command;
}

/** "Sent" is no success. */
function mustBeConfirmed({ state, error }: Command): void {
  if (state === 'confirmed') return;
  const codes: Partial<Record<Command['state'], ErrorCode>> = {
    expired: 'COMMAND_EXPIRED',
    unknown: 'COMMAND_UNCONFIRMED',
    cancelled: 'COMMAND_ENDED',
  };
  throw new MusterError(codes[state] ?? 'DEVICE_ERROR', { state }, error === null ? {} : { say: error.message });
}

function line(command: Command): string {
  return [command.state, command.commandId, took(command), outcome(command)].filter((part) => part !== '').join('  ');
}

function took({ createdAt, endedAt }: Command): string {
  return endedAt === null ? '' : `${((endedAt - createdAt) / 1_000).toFixed(2)} s`;
}

function outcome({ state, result, error }: Command): string {
  if (error !== null) return `${error.code}: ${error.message}`;
  return state !== 'confirmed' || result === null ? '' : JSON.stringify(result);
}
