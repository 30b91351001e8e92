import { parseArgs } from 'node:util';
import { MusterError } from '@muster/contract';
import type { Command, Option } from './command.ts';

/** Options of every command. */
export const GLOBAL_OPTIONS = {
  server: { kind: 'text', value: 'URL', summary: 'the server; without it the one you are signed in to' },
  json: { kind: 'flag', summary: 'print JSON for programs' },
  help: { kind: 'flag', summary: 'print this help' },
} as const satisfies Record<string, Option>;

export type Invocation =
  | { readonly kind: 'help'; readonly command: Command | null; readonly group: string | null }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly operands: Record<string, string | readonly string[] | undefined>;
      readonly options: Record<string, string | number | boolean | undefined>;
      readonly server: string | undefined;
      readonly json: boolean;
    };

/** Reads a command line by the table. Throws USAGE with a sentence that names the fault. */
export function parseCommandLine(args: readonly string[], commands: readonly Command[]): Invocation {
  const { command, rest, group } = findCommand(args, commands);
  if (command === null) {
    if (args.includes('--version')) return { kind: 'version' };
    const asksForHelp = args.length === 0 || args[0] === 'help' || args.includes('--help');
    const [first = '', second = ''] = args;
    const isGroupAlone = group !== null && (second === '' || second.startsWith('-'));
    if (asksForHelp || isGroupAlone) return { kind: 'help', command: null, group };
    if (first.startsWith('-')) throw usage(`Put ${first} after the command: muster COMMAND ${first} ….`);
    throw usage(`There is no command "${group === null ? first : `${first} ${second}`}".`);
  }
  const known: Readonly<Record<string, Option>> = { ...command.options, ...GLOBAL_OPTIONS };
  const { values, positionals } = parse(rest, known);
  if (values.help === true) return { kind: 'help', command, group: null };
  const { server, json, help: _help, ...given } = values;
  return {
    kind: 'run',
    command,
    operands: readOperands(command, positionals),
    options: readOptions(command, given),
    server: typeof server === 'string' ? server : undefined,
    json: json === true,
  };
}

/** The command that the line names, whatever else is wrong with it; null when it names none. */
export function namedCommand(args: readonly string[], commands: readonly Command[]): Command | null {
  return findCommand(args, commands).command;
}

/** The longest name that fits; a group such as `sites` alone means its `list`. */
function findCommand(args: readonly string[], commands: readonly Command[]) {
  const [first = '', second = ''] = args;
  const named = (name: string): Command | undefined => commands.find((command) => command.name === name);
  const pair = named(`${first} ${second}`);
  if (pair !== undefined) return { command: pair, rest: args.slice(2), group: null };
  const single = named(first) ?? (second === '' || second.startsWith('-') ? named(`${first} list`) : undefined);
  const isGroup = commands.some(({ name }) => name.startsWith(`${first} `));
  const asksForGroup = isGroup && args.includes('--help');
  if (single !== undefined && !asksForGroup) return { command: single, rest: args.slice(1), group: null };
  return { command: null, rest: [], group: isGroup ? first : null };
}

function parse(args: readonly string[], known: Readonly<Record<string, Option>>) {
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { kind }]) => [
      name,
      { type: kind === 'flag' ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (cause) {
    throw usage(`${(cause as Error).message.split(/\.\s/)[0] ?? ''}.`, cause);
  }
}

function readOperands(
  command: Command,
  given: readonly string[],
): Record<string, string | readonly string[] | undefined> {
  const names = Object.entries(command.operands);
  const takesAll = names.at(-1)?.[1].many === true;
  if (given.length > names.length && !takesAll) throw usage(`"${given[names.length] ?? ''}" is one word too many.`);
  return Object.fromEntries(
    names.map(([name, { required, many = false }], index) => {
      if (required && given[index] === undefined) throw usage(`${operandLabel(name)} is missing.`);
      return [name, many ? given.slice(index) : given[index]];
    }),
  );
}

function readOptions(command: Command, given: Readonly<Record<string, string | boolean | undefined>>) {
  return Object.fromEntries(
    Object.entries(command.options).map(([name, { kind, min = 0, max }]) => {
      const value = given[name];
      if (kind === 'flag') return [name, value === true];
      if (kind === 'text' || value === undefined) return [name, value];
      const number = /^\d{1,9}$/.test(String(value)) ? Number(value) : Number.NaN;
      if (!(number >= min && number <= (max ?? number))) {
        const range = max === undefined ? (min === 0 ? '' : ` from ${min} on`) : ` from ${min} to ${max}`;
        throw usage(`--${name} takes a whole number${range}, not "${String(value)}".`);
      }
      return [name, number];
    }),
  );
}

/** `siteName` is SITE-NAME on the screen. */
export function operandLabel(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter}`).toUpperCase();
}

export function usage(say: string, cause?: unknown): MusterError {
  return new MusterError('USAGE', {}, { say, cause });
}
