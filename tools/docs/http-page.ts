import { page, table } from './markdown.ts';

/** The parts of an OpenAPI document that the page shows. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema?: Schema;
  }[];
  readonly requestBody?: { readonly content?: Content };
  readonly responses?: Readonly<Record<string, { readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly description?: string;
  readonly default?: unknown;
}

export function httpPage(document: OpenApi): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const tags = Map.groupBy(operations, ({ operation }) => operation.tags?.[0] ?? 'other');
  return page(
    '# HTTP API',
    'A running server has the same as OpenAPI at `/api/openapi.json` and as a page to try at `/api/docs`. Sign in with ' +
      '`POST /api/sessions` and send the token as `Authorization: Bearer TOKEN`. Times are epoch milliseconds. An error ' +
      'is `{"error": {"code", "message", "requestId"}}`; the codes are in [errors.md](errors.md). A field with `?` may ' +
      'be left out.',
    ...[...tags]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([tag, members]) => [`## ${tag}`, ...members.map(section)]),
  );
}

function section({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const blocks = [`### \`${method} ${path}\``];
  if (operation.summary !== undefined) blocks.push(`${operation.summary}.`);
  const query = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
  if (query.length > 0) {
    const rows = query.map(({ name, required, schema = {} }) => fieldRow(name, schema, required === true));
    blocks.push(`Query:\n\n${table(['field', 'type', 'meaning'], rows)}`);
  }
  const body = bodyOf(operation.requestBody?.content);
  if (body !== null) blocks.push(`Body:\n\n${fields(body)}`);
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    if (!status.startsWith('2')) continue;
    const schema = bodyOf(response.content);
    const shape = schema === null || schema.type === 'null' ? 'nothing' : `\`${shapeOf(schema)}\``;
    blocks.push(`Answer ${status}: ${shape}`);
  }
  return blocks.join('\n\n');
}

function bodyOf(content: Content | undefined): Schema | null {
  return Object.values(content ?? {})[0]?.schema ?? null;
}

function fields(schema: Schema): string {
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) =>
    fieldRow(name, field, schema.required?.includes(name) === true),
  );
  return table(['field', 'type', 'meaning'], rows);
}

function fieldRow(name: string, schema: Schema, required: boolean): string[] {
  const initial = schema.default === undefined ? '' : ` (default ${JSON.stringify(schema.default)})`;
  return [`\`${name}${required ? '' : '?'}\``, `\`${shapeOf(schema)}\``, `${meaningOf(schema)}${initial}`];
}

/** What may be null has its words inside the union. */
function meaningOf({ description, anyOf }: Schema): string {
  return description ?? anyOf?.find((schema) => schema.description !== undefined)?.description ?? '';
}

/** A schema in one line, as a TypeScript type would say it. */
function shapeOf(schema: Schema): string {
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(shapeOf))].join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) {
    return schema.enum.length > 12 ? 'a code' : schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  }
  if (schema.type === 'array') return `[${shapeOf(schema.items ?? {})}]`;
  if (schema.properties === undefined) return schema.type ?? 'anything';
  const members = Object.entries(schema.properties).map(([name, field]) => {
    const mark = schema.required?.includes(name) === true ? '' : '?';
    return `${name}${mark}: ${shapeOf(field)}`;
  });
  return `{ ${members.join(', ')} }`;
}
