import { table } from './markdown.ts';

/** The parts of a JSON schema that a page shows. */
export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly pattern?: string;
}

/** Fields of an object with their type and meaning, and with their limits when `limits` is set. */
export function fieldTable(schema: Schema, limits = false): string {
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) =>
    fieldRow(name, field, schema.required?.includes(name) === true, limits),
  );
  return table(limits ? ['field', 'type', 'limits', 'meaning'] : ['field', 'type', 'meaning'], rows);
}

export function fieldRow(name: string, schema: Schema, required: boolean, limits = false): string[] {
  const initial = schema.default === undefined ? '' : ` (default ${JSON.stringify(schema.default)})`;
  const meaning = `${meaningOf(schema)}${initial}`;
  const head = [`\`${name}${required ? '' : '?'}\``, `\`${shapeOf(schema)}\``];
  return limits ? [...head, limitsOf(schema), meaning] : [...head, meaning];
}

/** What may be null has its words inside the union. */
function meaningOf({ description, anyOf }: Schema): string {
  return description ?? anyOf?.find((schema) => schema.description !== undefined)?.description ?? '';
}

/** A schema in one line, as a TypeScript type would say it. */
export function shapeOf(schema: Schema): string {
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(shapeOf))].join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) {
    return schema.enum.length > 12 ? 'a code' : schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  }
  if (schema.type === 'array') return `[${shapeOf(schema.items ?? {})}]`;
  if (schema.properties === undefined || Object.keys(schema.properties).length === 0) return schema.type ?? 'anything';
  const members = Object.entries(schema.properties).map(([name, field]) => {
    const mark = schema.required?.includes(name) === true ? '' : '?';
    return `${name}${mark}: ${shapeOf(field)}`;
  });
  return `{ ${members.join(', ')} }`;
}

function limitsOf(schema: Schema): string {
  const span = (low: number | undefined, high: number | undefined, unit: string): string[] => {
    if (high === Number.MAX_SAFE_INTEGER) return span(low, undefined, unit);
    if (low === undefined && high === undefined) return [];
    if (high === undefined) return [`${amount(low)}${unit} or more`];
    return [low === undefined ? `up to ${amount(high)}${unit}` : `${amount(low)} to ${amount(high)}${unit}`];
  };
  return [
    ...span(schema.minimum, schema.maximum, ''),
    ...span(schema.minLength, schema.maxLength, ' characters'),
    ...span(schema.minItems, schema.maxItems, ' items'),
    ...span(schema.minProperties, schema.maxProperties, ' members'),
    ...(schema.pattern === undefined ? [] : [`\`${schema.pattern}\``]),
  ].join(', ');
}

function amount(value: number | undefined): string {
  return value === undefined ? '' : value.toLocaleString('en');
}
