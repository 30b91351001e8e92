import type { ServerTool } from './define.ts';
import { tools } from './index.gen.ts';

export type { ServerTool, ToolContext } from './define.ts';

/** The tools of the server itself, by name: beside those that a device lists. */
export const serverTools: ReadonlyMap<string, ServerTool> = new Map(tools.map((tool) => [tool.spec.name, tool]));
