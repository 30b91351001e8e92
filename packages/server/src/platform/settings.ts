import { MusterError } from '@muster/contract';
import type { Static, TObject, TSchema } from 'typebox';
import { Value } from 'typebox/value';

/**
 * Reads settings of one TypeBox schema from a file, the environment and flags, the later winning, and refuses by name
 * what is unknown, wrong or missing. Every leaf has a `description`; `secret: true` hides it when printed; `env` gives
 * it a well-known name besides its own (`DATABASE_URL`).
 */
export interface SettingSources {
  /** Parsed JSON of the file, or undefined when there is none. */
  readonly file?: unknown;
  readonly fileName?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `--http.port 8080`, `--http.port=8080`, `--flag` for true. */
  readonly flags: readonly string[];
}

export interface Setting {
  /** `http.port` */
  readonly path: string;
  /** `MUSTER_HTTP_PORT`, or the well-known name. */
  readonly variable: string;
  readonly schema: TSchema & SettingOptions;
  readonly optional: boolean;
}

interface SettingOptions {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly secret?: boolean;
  readonly env?: string;
  readonly enum?: readonly string[];
}

const PREFIX = 'MUSTER_';

/** Every leaf of the schema, in order. */
export function listSettings(schema: TObject, prefix = ''): Setting[] {
  return Object.entries(schema.properties).flatMap(([key, child]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (isObject(child)) return listSettings(child, path);
    const leaf = child as TSchema & SettingOptions;
    const own =
      PREFIX +
      path
        .replaceAll('.', '_')
        .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
        .toUpperCase();
    return [{ path, variable: leaf.env ?? own, schema: leaf, optional: !(schema.required ?? []).includes(key) }];
  });
}

/** Throws CONFIG_INVALID with one line for each fault. */
export function readSettings<S extends TObject>(schema: S, sources: SettingSources): Static<S> {
  const settings = listSettings(schema);
  const faults: string[] = [];
  const values = new Map<string, unknown>();
  readFile(settings, sources, values, faults);
  readEnvironment(settings, sources, values, faults);
  readFlags(settings, sources, values, faults);
  const result: Record<string, unknown> = {};
  for (const setting of settings) {
    const value = values.has(setting.path) ? values.get(setting.path) : setting.schema.default;
    if (value === undefined) {
      if (!setting.optional)
        faults.push(`${setting.path} is missing: set ${setting.variable}. ${setting.schema.description ?? ''}`);
    } else if (!Value.Check(setting.schema, value)) {
      const shown = setting.schema.secret === true ? 'the value' : JSON.stringify(value);
      faults.push(`${setting.path}: ${shown} is not ${expected(setting.schema)}`);
    }
    place(result, setting.path, value);
  }
  if (faults.length > 0) {
    throw new MusterError('CONFIG_INVALID', { faults: faults.length }, { say: faults.join('\n') });
  }
  return result as Static<S>;
}

/** The settings in force with secrets hidden: for `config show` and the API. */
export function redactSettings(schema: TObject, values: unknown): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const { path, schema: leaf } of listSettings(schema)) {
    const value = path
      .split('.')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], values);
    place(result, path, leaf.secret === true && value !== undefined ? '[secret]' : (value ?? null));
  }
  return result;
}

function readFile(settings: Setting[], sources: SettingSources, values: Map<string, unknown>, faults: string[]): void {
  if (sources.file === undefined) return;
  for (const [path, value] of leavesOf(sources.file, settings, '')) {
    if (settings.some((setting) => setting.path === path)) values.set(path, value);
    else
      faults.push(
        `${sources.fileName ?? 'the file'}: unknown key ${path}${nearest(
          path,
          settings.map((s) => s.path),
        )}`,
      );
  }
}

function readEnvironment(
  settings: Setting[],
  sources: SettingSources,
  values: Map<string, unknown>,
  faults: string[],
): void {
  const byName = new Map(settings.map((setting) => [setting.variable, setting]));
  for (const [name, text] of Object.entries(sources.environment)) {
    if (text === undefined) continue;
    const setting = byName.get(name);
    if (setting !== undefined) values.set(setting.path, convert(setting.schema, text));
    else if (name.startsWith(PREFIX)) faults.push(`unknown variable ${name}${nearest(name, [...byName.keys()])}`);
  }
}

function readFlags(settings: Setting[], sources: SettingSources, values: Map<string, unknown>, faults: string[]): void {
  const byPath = new Map(settings.map((setting) => [setting.path, setting]));
  for (let i = 0; i < sources.flags.length; i++) {
    const flag = sources.flags[i] ?? '';
    const match = /^--([A-Za-z0-9.]+)(?:=(.*))?$/s.exec(flag);
    const setting = byPath.get(match?.[1] ?? '');
    const next = sources.flags[i + 1];
    const takesNext = match?.[2] === undefined && next !== undefined && !next.startsWith('--');
    if (match === null || setting === undefined) {
      faults.push(`unknown flag ${flag}${suggest(match?.[1] ?? flag, [...byPath.keys()])}`);
      if (match !== null && takesNext) i += 1;
      continue;
    }
    if (takesNext) i += 1;
    if (match[2] === undefined && !takesNext && setting.schema.type !== 'boolean') {
      faults.push(`--${setting.path} needs a value`);
      continue;
    }
    values.set(setting.path, convert(setting.schema, match[2] ?? (takesNext ? next : 'true')));
  }
}

function* leavesOf(value: unknown, settings: Setting[], path: string): Generator<[string, unknown]> {
  const isLeaf = settings.some((setting) => setting.path === path);
  if (isLeaf || typeof value !== 'object' || value === null || Array.isArray(value)) return yield [path, value];
  for (const [key, child] of Object.entries(value))
    yield* leavesOf(child, settings, path === '' ? key : `${path}.${key}`);
}

/** Text from the environment or a flag, as the type of the schema; wrong text stays text and fails the check. */
function convert(schema: SettingOptions, text: string): unknown {
  if (schema.type === 'number' || schema.type === 'integer') {
    return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
  }
  if (schema.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (schema.type === 'array') return text === '' ? [] : text.split(',').map((part) => part.trim());
  return text;
}

function expected(schema: SettingOptions & { minimum?: number; maximum?: number; pattern?: string }): string {
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
  if (schema.pattern !== undefined) return `of the form ${schema.pattern} (${schema.description ?? ''})`;
  const range = [schema.minimum, schema.maximum].some((limit) => limit !== undefined)
    ? ` from ${schema.minimum ?? '-∞'} to ${schema.maximum ?? '∞'}`
    : '';
  const kind = { boolean: 'true or false', integer: 'a whole number', array: 'a list', string: 'text' }[
    schema.type ?? ''
  ];
  return `${kind ?? 'a number'}${range} (${schema.description ?? ''})`;
}

/** A flag by its last word (`--port` for `--http.port`), or the one spelt nearest. */
function suggest(name: string, paths: readonly string[]): string {
  const byWord = paths.find((path) => path.endsWith(`.${name}`));
  return byWord === undefined ? nearest(name, paths, '--') : ` (did you mean --${byWord}?)`;
}

function nearest(name: string, known: readonly string[], prefix = ''): string {
  const best = known.map((other) => [distance(name, other), other] as const).sort(([a], [b]) => a - b)[0];
  return best !== undefined && best[0] <= 4 ? ` (did you mean ${prefix}${best[1]}?)` : '';
}

/** Levenshtein */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function place(target: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() ?? path;
  let at = target;
  for (const key of keys) {
    at[key] ??= {};
    at = at[key] as Record<string, unknown>;
  }
  if (value !== undefined) at[last] = value;
}

function isObject(schema: TSchema): schema is TObject {
  return 'properties' in schema;
}
