import type { ToolSpec } from '../../ports.ts';

/** Tools under names that the API takes, and the way back: devices use dots, as in `self.audio_speaker.set_volume`. */
export interface NamedTools {
  /** For the body of the request. */
  readonly functions: readonly Readonly<Record<string, unknown>>[];
  /** The tool's own name; undefined for one that was not offered. */
  ownName(apiName: string): string | undefined;
}

/** The API's limit: `^[a-zA-Z0-9_-]{1,64}$`. */
const MOST_CHARS = 64;

export function nameTools(tools: readonly ToolSpec[]): NamedTools {
  const own = new Map<string, string>();
  const functions = tools.map(({ name, description, parameters }) => {
    const apiName = freeName(name, own);
    own.set(apiName, name);
    // Devices leave out the type of a schema without properties; some servers refuse that.
    const schema = { type: 'object', properties: {}, ...parameters };
    return { type: 'function', function: { name: apiName, description, parameters: schema } };
  });
  return { functions, ownName: (apiName) => own.get(apiName) };
}

function freeName(name: string, taken: ReadonlyMap<string, string>): string {
  const clean = name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, MOST_CHARS) || 'tool';
  let candidate = clean;
  for (let count = 2; taken.has(candidate); count += 1) {
    const suffix = `_${count}`;
    candidate = clean.slice(0, MOST_CHARS - suffix.length) + suffix;
  }
  return candidate;
}
