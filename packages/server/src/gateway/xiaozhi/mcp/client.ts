import { codeOf, type DeviceTool, type JsonRpc, LIMITS, MusterError } from '@muster/contract';
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/log.ts';
import { createRequests, failed } from './requests.ts';
import { listTools, readToolText } from './tools.ts';

const PROTOCOL_VERSION = '2024-11-05';
/** In a text that is not JSON: the id of the request that it answers. */
const ID_IN_TEXT = /"type"\s*:\s*"mcp".{0,200}?"id"\s*:\s*(\d{1,10})\b/s;

/** Our side of MCP with one device: it is the server, its tools are what we may call. */
export interface McpClient {
  /** Introduces itself and reads the tools, in the background. A device that does not answer has no tools. */
  start(): void;
  receive(payload: unknown): void;
  /**
   * A text frame that is not JSON: firmware puts error messages into its answers without escaping them. Fails the call
   * that it answers; false when there is none.
   */
  receiveBroken(text: string): boolean;
  tools(): readonly DeviceTool[];
  /** See `XiaozhiLink.callTool`. */
  call(name: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<string>;
  close(): void;
}

export interface McpDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Version of this server, told to the device. */
  readonly version: string;
  readonly send: (payload: JsonRpc) => boolean;
  /** The device has listed its tools. */
  readonly onTools?: () => void;
}

export function createMcpClient(deps: McpDeps): McpClient {
  const requests = createRequests(deps.clock, deps.send);
  let tools: readonly DeviceTool[] = [];

  async function introduce(): Promise<void> {
    await requests.ask(
      'initialize',
      {
        protocolVersion: PROTOCOL_VERSION,
        capabilities: {},
        clientInfo: { name: 'Muster', version: deps.version },
      },
      LIMITS.mcpCallMs,
    );
    tools = await listTools((cursor) => requests.ask('tools/list', { cursor, withUserTools: false }, LIMITS.mcpCallMs));
    deps.log.debug({ tools: tools.length }, 'device listed its tools');
    deps.onTools?.();
  }

  return {
    start() {
      introduce().catch((error: unknown) => {
        if (codeOf(error) !== 'DEVICE_NOT_CONNECTED') deps.log.warn({ err: error }, 'device did not list its tools');
      });
    },
    receive: (payload) => requests.answer(payload),
    receiveBroken(text) {
      const id = ID_IN_TEXT.exec(text)?.[1];
      return id !== undefined && requests.unreadable(Number(id));
    },
    tools: () => tools,
    async call(name, args, signal) {
      if (!tools.some((tool) => tool.name === name))
        throw new MusterError('TOOL_UNKNOWN', { tool: name.slice(0, 128) });
      const params = { name, arguments: args };
      const { text, isError } = readToolText(await requests.ask('tools/call', params, LIMITS.mcpCallMs, signal));
      if (isError) throw failed(text);
      return text;
    },
    close: () => requests.close(),
  };
}
