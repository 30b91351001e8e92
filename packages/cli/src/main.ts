import { codeOf, MusterError } from '@muster/contract';
import manifest from '../package.json' with { type: 'json' };
import type { Context } from './command.ts';
import { type Invocation, namedCommand, parseCommandLine } from './command-line.ts';
import { commands } from './commands.ts';
import { readConfig } from './config.ts';
import { askProof } from './proof.ts';
import { adviceFor } from './screen/advice.ts';
import { commandHelp, groupHelp, overview } from './screen/help.ts';
import { createTerminal, type Terminal } from './screen/terminal.ts';
import { DEFAULT_SERVER, serverAddress } from './server/address.ts';
import { createApi } from './server/api.ts';
import { readSession } from './server/session.ts';

/** Runs one command line. Resolves with the exit code: 0 done, 1 an error, 2 a command line that makes no sense. */
export async function main(args: readonly string[]): Promise<number> {
  const terminal = createTerminal();
  let asked: string | undefined;
  try {
    const invocation = parseCommandLine(args, commands);
    if (invocation.kind === 'run') asked = invocation.server;
    if (invocation.kind === 'version') terminal.print(`muster ${manifest.version}`);
    else if (invocation.kind === 'help') terminal.print(helpFor(invocation));
    else await invocation.command.run(invocation.operands, invocation.options, createContext(invocation, terminal));
    return 0;
  } catch (error) {
    terminal.note(`muster: ${sentenceFor(error, namedCommand(args, commands)?.name ?? null, asked)}`);
    return codeOf(error) === 'USAGE' ? 2 : 1;
  }
}

function helpFor({ command, group }: Extract<Invocation, { kind: 'help' }>): string {
  if (command !== null) return commandHelp(command);
  return group === null ? overview(commands) : groupHelp(group, commands);
}

function createContext(invocation: Extract<Invocation, { kind: 'run' }>, terminal: Terminal): Context {
  const config = readConfig();
  const asked = invocation.server === undefined ? null : serverAddress(invocation.server);
  return {
    terminal,
    config,
    json: invocation.json,
    async signedIn() {
      const session = await readSession(config.sessionFile);
      const server = asked ?? session?.server ?? DEFAULT_SERVER;
      // A token goes only to the server that gave it.
      if (session === null || session.server !== server) throw new MusterError('SIGN_IN_REQUIRED', { server });
      const { token } = session;
      if (!terminal.isInteractive) return createApi({ server, token });
      const prove = async (): Promise<void> => {
        const bare = createApi({ server, token });
        terminal.note('This asks for a proof that it is you.');
        await bare.prove(await askProof(terminal, server, (await bare.waysToProve()).ways));
      };
      return createApi({ server, token, prove });
    },
    async unsigned(server) {
      const known = server ?? asked ?? (await readSession(config.sessionFile))?.server ?? DEFAULT_SERVER;
      return createApi({ server: known, token: null });
    },
  };
}

/** One line for people: what is wrong, and what to do. `asked` is the server named on the command line. */
function sentenceFor(error: unknown, command: string | null, asked: string | undefined): string {
  if (error instanceof MusterError) {
    const used = error.context.server;
    const server = asked ?? (typeof used === 'string' && used !== DEFAULT_SERVER ? used : null);
    const advice = adviceFor(error.code, { command, server });
    return advice === null ? error.message : `${error.message} ${advice}`;
  }
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return `There is no file ${path ?? ''}.`;
  if (code === 'EACCES') return `The file ${path ?? ''} may not be read or written.`;
  return error instanceof Error ? (code === undefined ? (error.stack ?? message) : message) : String(error);
}
