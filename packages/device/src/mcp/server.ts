import { type JsonRpc, LIMITS, MusterError } from '@muster/contract';
import { VERSION } from '../identity/check-in.ts';
import type { Log } from '../log.ts';
import type { Tool, ToolDeps } from './tool.ts';

/** Requests that wait for the one that runs; tools run one at a time, as in the firmware. */
const WAITING = 16;

export interface McpServer {
  /** Takes a payload of the wire and answers with `reply`, or not at all; never throws. */
  request(payload: unknown, reply: (answer: JsonRpc) => void): void;
}

/**
 * MCP over the conversation channel, as servers of the protocol expect it: pages of 8,000 bytes whose cursor is the
 * name of the next tool, numeric ids, and silence for everything that is no request.
 */
export function createMcpServer(tools: readonly Tool[], deps: ToolDeps, board: string, log: Log): McpServer {
  let running: Promise<void> = Promise.resolve();
  let waiting = 0;

  async function answer(request: Request): Promise<JsonRpc> {
    const { id, params } = request;
    switch (request.method) {
      case 'initialize':
        return result(id, {
          protocolVersion: '2024-11-05',
          capabilities: { tools: {} },
          serverInfo: { name: board, version: VERSION },
        });
      case 'tools/list':
        return result(id, listPage(tools, params.cursor, params.withUserTools === true));
      case 'tools/call':
        return result(id, await call(params));
      default:
        return failure(id, -32_601, `Method not implemented: ${request.method.slice(0, 60)}`);
    }
  }

  async function call(params: Readonly<Record<string, unknown>>): Promise<object> {
    const tool = tools.find((candidate) => candidate.name === params.name);
    if (tool === undefined) {
      throw new MusterError('TOOL_UNKNOWN', {}, { say: `Unknown tool: ${String(params.name).slice(0, 128)}` });
    }
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new MusterError('TOOL_TIMEOUT', { name: tool.name })), LIMITS.mcpCallMs);
    try {
      const text = await Promise.race([tool.call(params.arguments ?? {}, deps), late.promise]);
      return { content: [{ type: 'text', text }], isError: false };
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    request(payload, reply) {
      const request = readRequest(payload);
      if (request === null) return;
      if (waiting >= WAITING) return reply(failure(request.id, -32_000, 'Too many requests are waiting'));
      waiting++;
      running = running
        .then(() => answer(request))
        .catch((error: unknown) => {
          log.warn('a tool failed', { method: request.method, error: String(error) });
          return failure(request.id, -32_000, error instanceof MusterError ? error.message : 'The tool failed');
        })
        .then((reached) => {
          waiting--;
          reply(reached);
        });
    },
  };
}

interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

function readRequest(payload: unknown): Request | null {
  if (!isRecord(payload) || payload.jsonrpc !== '2.0') return null;
  const { id, method, params = {} } = payload;
  if (typeof method !== 'string' || method.startsWith('notifications')) return null;
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || !isRecord(params)) return null;
  return { id, method, params };
}

function listPage(tools: readonly Tool[], cursor: unknown, withUserTools: boolean): object {
  const listed = tools.filter((tool) => withUserTools || !tool.userOnly);
  const wanted = typeof cursor === 'string' && cursor !== '' ? cursor : null;
  const from = wanted === null ? 0 : listed.findIndex((tool) => tool.name === wanted);
  if (from < 0) throw new MusterError('TOOL_UNKNOWN', {}, { say: 'Unknown cursor' });
  const page: object[] = [];
  // the opening bracket; each entry brings a comma or the closing one
  let bytes = 1;
  for (const tool of listed.slice(from)) {
    const entry = {
      name: tool.name,
      description: tool.description,
      inputSchema: tool.input,
      ...(tool.userOnly ? { annotations: { audience: ['user'] } } : {}),
    };
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (bytes > LIMITS.mcpPageBytes && page.length > 0) return { tools: page, nextCursor: tool.name };
    page.push(entry);
  }
  return { tools: page };
}

function result(id: number, value: unknown): JsonRpc {
  return { jsonrpc: '2.0', id, result: value };
}

function failure(id: number, code: number, message: string): JsonRpc {
  return { jsonrpc: '2.0', id, error: { code, message } };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
