import type { Profile } from '@muster/contract';
import { CLASSES } from '../../packages/server/src/commands/config.ts';
import { page, table } from './markdown.ts';
import { type Schema, shapeOf } from './schema-fields.ts';

/** docs/reference/profiles.md: what each kind of device measures, obeys, and when it is not well. */
export function profilesPage(profiles: Iterable<Profile>): string {
  return page(
    '# Profiles',
    'A profile says what a kind of device measures, what it can be told, and when it is not well. Give a device its ' +
      'profile with `muster devices create NAME --profile sensor` or `muster devices set`. A device may have other ' +
      'series too; commands are those of its profile. A device without a profile may be told anything. Units are ' +
      'written as UCUM does; a value beyond the range is stored, for it says that a sensor is broken.',
    'The class of a command says what happens when its fate is not known:',
    table(
      ['class', 'sent at most', 'deadline without another, ms'],
      Object.entries(CLASSES).map(([name, { sends, deadlineMs }]) => [
        `\`${name}\``,
        sends === 1 ? 'once' : `${sends} times`,
        deadlineMs.toLocaleString('en'),
      ]),
    ),
    ...[...profiles].flatMap(section),
  );
}

function section({ name, title, series, commands, health }: Profile): string[] {
  const measured = Object.entries(series).map(([key, one]) => [
    `\`${key}\``,
    one.title,
    one.kind,
    one.unit === null ? '' : `\`${one.unit}\``,
    rangeOf(one),
    limitOf(health.resources[key]),
  ]);
  const obeyed = Object.entries(commands).map(([key, { title: what, commandClass, deadlineMs, args, result }]) => [
    `\`${key}\``,
    what,
    argumentsOf(args as Schema),
    result === undefined ? '' : `\`${shapeOf(result as Schema)}\``,
    commandClass,
    deadlineMs.toLocaleString('en'),
  ]);
  const silent =
    health.silentMs === null
      ? 'It may be silent for as long as it likes.'
      : `Silent for ${seconds(health.silentMs.warning)} it counts as not well, for ${seconds(health.silentMs.critical)} as critical.`;
  return [
    `## ${name}`,
    `${title}. ${silent}`,
    ...(measured.length === 0 ? [] : [table(['series', 'what', 'kind', 'unit', 'range', 'not well'], measured)]),
    ...(obeyed.length === 0
      ? []
      : [table(['command', 'what', 'arguments', 'result', 'class', 'deadline, ms'], obeyed)]),
  ];
}

function rangeOf({ min, max }: { readonly min?: number; readonly max?: number }): string {
  if (min === undefined && max === undefined) return '';
  if (max === undefined) return `${min?.toLocaleString('en')} or more`;
  return `${min?.toLocaleString('en') ?? ''} to ${max.toLocaleString('en')}`;
}

function limitOf(limit: Profile['health']['resources'][string] | undefined): string {
  return limit === undefined ? '' : `${limit.bad} ${limit.warning}; critical ${limit.bad} ${limit.critical}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toLocaleString('en')} s`;
}

function argumentsOf(schema: Schema): string {
  return Object.keys(schema.properties ?? {}).length === 0 ? 'none' : `\`${shapeOf(schema)}\``;
}
