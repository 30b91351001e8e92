import type { Command, Option } from '../command.ts';
import { GLOBAL_OPTIONS, operandLabel } from '../command-line.ts';

/** `sites create NAME`, with brackets around what may be left out. */
export function usageLine(command: Command): string {
  const operands = Object.entries(command.operands).map(([name, { required, many = false }]) => {
    const label = operandLabel(name) + (many ? '…' : '');
    return required ? label : `[${label}]`;
  });
  const options = Object.keys(command.options).length > 0 ? ['[OPTIONS]'] : [];
  return ['muster', command.name, ...operands, ...options].join(' ');
}

/** Every command with its line. */
export function overview(commands: readonly Command[]): string {
  const rows = commands.map((command): [string, string] => [command.name, command.summary]);
  return [
    'Usage: muster COMMAND [OPTIONS]',
    '',
    'Commands',
    ...columns(rows),
    '',
    'Options of every command',
    ...columns(optionRows(GLOBAL_OPTIONS)),
    '',
    'muster COMMAND --help tells more about one of them.',
  ].join('\n');
}

/** The commands that begin with one word: `muster sites --help`. */
export function groupHelp(group: string, commands: readonly Command[]): string {
  const members = commands.filter(({ name }) => name === group || name.startsWith(`${group} `));
  return ['Commands', ...columns(members.map((command) => [usageLine(command), command.summary]))].join('\n');
}

export function commandHelp(command: Command): string {
  const operands = Object.entries(command.operands).map(([name, { summary }]): [string, string] => [
    operandLabel(name),
    summary,
  ]);
  return [
    `Usage: ${usageLine(command)}`,
    '',
    `${command.summary}.`,
    ...section('Words', operands),
    ...section('Options', optionRows(command.options)),
    ...section('Options of every command', optionRows(GLOBAL_OPTIONS)),
  ].join('\n');
}

function section(title: string, rows: readonly [string, string][]): string[] {
  return rows.length === 0 ? [] : ['', title, ...columns(rows)];
}

export function optionRows(options: Readonly<Record<string, Option>>): [string, string][] {
  return Object.entries(options).map(([name, { kind, value, summary }]) => [
    `--${name}${kind === 'flag' ? '' : ` ${value ?? (kind === 'number' ? 'N' : 'TEXT')}`}`,
    summary,
  ]);
}

function columns(rows: readonly [string, string][]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`);
}
