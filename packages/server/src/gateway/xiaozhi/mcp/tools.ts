import { type DeviceTool, DeviceToolSchema, LIMITS } from '@muster/contract';
import { Compile } from 'typebox/compile';
import { asRecord } from '../json.ts';

const toolShape = Compile(DeviceToolSchema);

/** One page of `tools/list`. */
export interface ToolPage {
  readonly tools: readonly DeviceTool[];
  /** `null` on the last page. */
  readonly next: string | null;
}

/**
 * Reads every page, starting with the cursor ''. Stops at the last one, at a cursor that came before, at 32 pages or at
 * 128 tools; of tools with one name the first is kept.
 */
export async function listTools(ask: (cursor: string) => Promise<unknown>): Promise<readonly DeviceTool[]> {
  const tools = new Map<string, DeviceTool>();
  const seen = new Set<string>();
  let cursor: string | null = '';
  while (cursor !== null && !seen.has(cursor) && seen.size < LIMITS.mcpPages) {
    seen.add(cursor);
    const page = readToolPage(await ask(cursor));
    for (const tool of page.tools) {
      if (tools.size >= LIMITS.mcpTools) return [...tools.values()];
      if (!tools.has(tool.name)) tools.set(tool.name, tool);
    }
    cursor = page.next;
  }
  return [...tools.values()];
}

/** Leaves out what is no tool. A missing description or schema becomes an empty one. */
export function readToolPage(result: unknown): ToolPage {
  const { tools, nextCursor } = asRecord(result);
  const listed: readonly unknown[] = Array.isArray(tools) ? tools : [];
  return {
    tools: listed.map(readTool).filter((tool) => toolShape.Check(tool)),
    next: typeof nextCursor === 'string' && nextCursor !== '' ? nextCursor : null,
  };
}

function readTool(value: unknown): unknown {
  const { name, description = '', inputSchema = { type: 'object', properties: {} } } = asRecord(value);
  return { name, description, inputSchema };
}

/** The text of a tool's result, its pieces on lines of their own. */
export function readToolText(result: unknown): { readonly text: string; readonly isError: boolean } {
  const { content, isError } = asRecord(result);
  const pieces: readonly unknown[] = Array.isArray(content) ? content : [];
  const lines: string[] = [];
  for (const piece of pieces) {
    const { type, text } = asRecord(piece);
    if (type === 'text' && typeof text === 'string') lines.push(text);
  }
  return { text: lines.join('\n'), isError: isError === true };
}
