import { LIMITS } from '@muster/contract';

/** One MCP tool of a simulated device. */
export interface SimulatedTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** Listed only when the server asks `withUserTools`. */
  readonly userOnly?: boolean;
  /** The text of the result; what it throws becomes an MCP error. */
  readonly call: (args: Readonly<Record<string, unknown>>) => string | Promise<string>;
}

export interface ToolCall {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** ms of the monotonic clock */
  readonly at: number;
}

/** The tools of an ordinary board, over a state that tests can look at. */
export function firmwareTools(state: { volume: number; rebooted: boolean }): SimulatedTool[] {
  const nothing = { type: 'object', properties: {} };
  return [
    {
      name: 'self.get_device_status',
      description: 'Real-time state of the device: volume of the speaker, network.',
      inputSchema: nothing,
      call: () =>
        JSON.stringify({ audio_speaker: { volume: state.volume }, network: { type: 'wifi', signal: 'strong' } }),
    },
    {
      name: 'self.audio_speaker.set_volume',
      description: 'Sets the volume of the speaker, 0 to 100. Ask get_device_status first for a relative change.',
      inputSchema: {
        type: 'object',
        properties: { volume: { type: 'integer', minimum: 0, maximum: 100 } },
        required: ['volume'],
      },
      call: ({ volume }) => {
        if (typeof volume !== 'number') return Promise.reject(new RangeError('Missing valid argument: volume'));
        if (volume > 100) return Promise.reject(new RangeError('Value exceeds maximum allowed: 100'));
        state.volume = volume;
        return 'true';
      },
    },
    {
      name: 'self.reboot',
      description: 'Restarts the device.',
      inputSchema: nothing,
      userOnly: true,
      call: () => {
        state.rebooted = true;
        return 'true';
      },
    },
  ];
}

/**
 * The MCP server of the firmware (xiaozhi-esp32 2.4.2): pages of 8,000 bytes whose cursor is the name of the next tool,
 * silence for everything that is not a proper request with a number as id, and an error text that goes into the JSON
 * unescaped. Returns the JSON of the reply, or null for silence.
 */
export async function answerMcp(
  payload: unknown,
  tools: readonly SimulatedTool[],
  board: string,
  onCall: (call: ToolCall) => void,
): Promise<string | null> {
  const request = asRecord(payload);
  if (request?.jsonrpc !== '2.0' || typeof request.method !== 'string') return null;
  if (request.method.startsWith('notifications')) return null;
  if (request.params !== undefined && asRecord(request.params) === null) return null;
  if (typeof request.id !== 'number') return null;
  const id = Math.trunc(request.id);
  const params = asRecord(request.params) ?? {};
  switch (request.method) {
    case 'initialize':
      return result(id, {
        protocolVersion: '2024-11-05',
        capabilities: { tools: {} },
        serverInfo: { name: board, version: '2.4.2' },
      });
    case 'tools/list':
      return page(id, tools, params);
    case 'tools/call':
      return call(id, tools, params, onCall);
    default:
      return failure(id, `Method not implemented: ${request.method}`);
  }
}

function page(id: number, tools: readonly SimulatedTool[], params: Readonly<Record<string, unknown>>): string {
  const listed = tools.filter((tool) => tool.userOnly !== true || params.withUserTools === true);
  const cursor = typeof params.cursor === 'string' ? params.cursor : '';
  const from = cursor === '' ? 0 : listed.findIndex((tool) => tool.name === cursor);
  if (from < 0) return result(id, { tools: [] });
  const entries: string[] = [];
  let bytes = 0;
  for (const tool of listed.slice(from)) {
    const { name, description, inputSchema } = tool;
    const audience = tool.userOnly === true ? { annotations: { audience: ['user'] } } : {};
    const entry = JSON.stringify({ name, description, inputSchema, ...audience });
    bytes += Buffer.byteLength(entry) + 1;
    if (bytes > LIMITS.mcpPageBytes) {
      if (entries.length === 0) return failure(id, `Failed to add tool ${name} because of payload size limit`);
      return `{"jsonrpc":"2.0","id":${id},"result":{"tools":[${entries.join(',')}],"nextCursor":"${name}"}}`;
    }
    entries.push(entry);
  }
  return `{"jsonrpc":"2.0","id":${id},"result":{"tools":[${entries.join(',')}]}}`;
}

async function call(
  id: number,
  tools: readonly SimulatedTool[],
  params: Readonly<Record<string, unknown>>,
  onCall: (call: ToolCall) => void,
): Promise<string> {
  const tool = tools.find((candidate) => candidate.name === params.name);
  if (tool === undefined) return failure(id, `Unknown tool: ${String(params.name)}`);
  const args = asRecord(params.arguments) ?? {};
  onCall({ name: tool.name, args, at: performance.now() });
  try {
    return result(id, { content: [{ type: 'text', text: await tool.call(args) }], isError: false });
  } catch (error) {
    return failure(id, error instanceof Error ? error.message : String(error));
  }
}

function result(id: number, value: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result: value });
}

/** Unescaped on purpose, as the firmware does it: a quote in the message breaks the JSON. */
function failure(id: number, message: string): string {
  return `{"jsonrpc":"2.0","id":${id},"error":{"message":"${message}"}}`;
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}
