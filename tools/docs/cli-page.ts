import type { Command } from '../../packages/cli/src/command.ts';
import { GLOBAL_OPTIONS, operandLabel } from '../../packages/cli/src/command-line.ts';
import { commands } from '../../packages/cli/src/commands.ts';
import { optionRows, usageLine } from '../../packages/cli/src/screen/help.ts';
import { page, table } from './markdown.ts';

export function cliPage(): string {
  return page(
    '# The `muster` command',
    'In a clone of the repository it is `npx muster`. Exit codes: 0 done, 1 an error, 2 a command line that makes no ' +
      'sense. Errors are one line on standard error: `muster: what is wrong. what to do`.',
    '## Options of every command',
    optionTable(GLOBAL_OPTIONS),
    ...commands.map(section),
  );
}

function section(command: Command): string {
  const words = Object.entries(command.operands).map(
    ([name, { summary, required }]) => `- \`${operandLabel(name)}\`: ${summary}${required ? '' : ' (may be left out)'}`,
  );
  const blocks = [`## \`muster ${command.name}\``, `${command.summary}.`, `    ${usageLine(command)}`];
  if (words.length > 0) blocks.push(words.join('\n'));
  if (Object.keys(command.options).length > 0) blocks.push(optionTable(command.options));
  return blocks.join('\n\n');
}

function optionTable(options: Command['options']): string {
  return table(
    ['option', 'meaning'],
    optionRows(options).map(([option, summary]) => [`\`${option}\``, summary]),
  );
}
