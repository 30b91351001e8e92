import type { Action } from '../../packages/server/src/accounts/permissions.ts';

/** A JSON Schema, as far as the OpenAPI document of the server uses it. */
export interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
}

/** One route of a running server. */
export interface Operation {
  /** `POST /api/sites` */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly action: Action;
  readonly parameters: readonly {
    readonly in: 'path' | 'query' | 'header';
    readonly name: string;
    readonly required: boolean;
    readonly schema: Schema;
  }[];
  /** Of the JSON body; null: it takes none. */
  readonly body: Schema | null;
  /** Schemas of its answers, by status or `4xx`. */
  readonly answers: Readonly<Record<string, Schema>>;
  /** Content types of its answers, by status. */
  readonly kinds: Readonly<Record<string, readonly string[]>>;
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}
interface Document {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly 'x-action'?: Action;
            readonly parameters?: readonly (Omit<Operation['parameters'][number], 'required'> & {
              required?: boolean;
            })[];
            readonly requestBody?: Content;
            readonly responses?: Readonly<Record<string, Content>>;
          }
        >
      >
    >
  >;
}

const schemaOf = (content: Content | undefined): Schema | null =>
  content?.content?.['application/json']?.schema ?? null;

/** Every route that the server documents; those that it does not are for anyone (accounts/protect.ts). */
export function operationsOf(document: unknown): Operation[] {
  return Object.entries((document as Document).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      action: operation['x-action'] as Action,
      parameters: (operation.parameters ?? []).map((one) => ({ ...one, required: one.required === true })),
      body: schemaOf(operation.requestBody),
      answers: Object.fromEntries(
        Object.entries(operation.responses ?? {}).flatMap(([status, content]) => {
          const schema = schemaOf(content);
          return schema === null ? [] : [[status, schema]];
        }),
      ),
      kinds: Object.fromEntries(
        Object.entries(operation.responses ?? {}).map(([status, { content }]) => [status, Object.keys(content ?? {})]),
      ),
    })),
  );
}

/** The least that a schema takes; `given` has values for members by their name. */
export function leastOf(schema: Schema, given: Readonly<Record<string, unknown>> = {}): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf !== undefined) {
    return leastOf(schema.anyOf.find(({ type }) => type !== 'null') ?? schema.anyOf[0] ?? {}, given);
  }
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
          if (name in given) return [[name, given[name]]];
          return schema.required?.includes(name) === true ? [[name, leastOf(member, given)]] : [];
        }),
      );
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => leastOf(schema.items ?? {}, given));
    case 'integer':
    case 'number':
      return schema.minimum ?? 0;
    case 'boolean':
      return false;
    case 'null':
      return null;
    default:
      return 'x'.repeat(Math.max(1, schema.minLength ?? 1));
  }
}
