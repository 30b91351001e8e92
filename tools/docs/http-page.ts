import { page, table } from './markdown.ts';
import { fieldRow, fieldTable, type Schema, shapeOf } from './schema-fields.ts';

/** The parts of an OpenAPI document that the page shows. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  /** The row of the permission table that it needs. */
  readonly 'x-action'?: string;
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
  const action = operation['x-action'];
  const needs = action === undefined ? '' : ` Needs [\`${action}\`](permissions.md).`;
  if (operation.summary !== undefined) blocks.push(`${operation.summary}.${needs}`);
  const query = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
  if (query.length > 0) {
    const rows = query.map(({ name, required, schema = {} }) => fieldRow(name, schema, required === true));
    blocks.push(`Query:\n\n${table(['field', 'type', 'meaning'], rows)}`);
  }
  const body = bodyOf(operation.requestBody?.content);
  if (body !== null) blocks.push(`Body:\n\n${fieldTable(body)}`);
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
