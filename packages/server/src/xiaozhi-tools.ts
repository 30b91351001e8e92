import { type CommandMessage, type CommandReply, codeOf, type ErrorCode, MusterError } from '@muster/contract';
import type { DeviceLink } from './devices/index.ts';
import type { XiaozhiLink } from './gateway/xiaozhi/index.ts';
import type { Logger } from './platform/log.ts';

interface Device {
  readonly deviceId: string;
  readonly siteId: string;
  readonly credential?: string;
}

/**
 * The tools that a voice device lists are its commands: whoever calls one, a person or the assistant that it talks
 * with, sends a command of that name. Its answer is the text of the tool.
 */
export function createToolLink(deps: {
  readonly device: Device;
  readonly link: Pick<XiaozhiLink, 'tools' | 'callTool'>;
  readonly reply: (device: Device, reply: CommandReply) => Promise<void>;
  /** Ends the conversation. */
  readonly close: (code: ErrorCode) => void;
  readonly log: Logger;
}): DeviceLink {
  const { device, link, log } = deps;
  const { deviceId, siteId } = device;
  /** Nobody takes a call back: its end is the answer, the device's time limit, or the command's deadline. */
  const never = new AbortController().signal;

  /** A tool that did not answer in time, or broke off, may have done it: the deadline of the command decides. */
  async function end(commandId: string, call: Promise<string>): Promise<void> {
    try {
      const result = await call;
      await deps.reply(device, { commandId, state: 'confirmed', result });
    } catch (error) {
      const code = codeOf(error);
      if (code === 'TOOL_TIMEOUT' || code === 'DEVICE_NOT_CONNECTED') return;
      if (!(error instanceof MusterError)) throw error;
      await deps.reply(device, { commandId, state: 'failed', error: { code, message: error.message } });
    }
  }

  return {
    deviceId,
    siteId,
    transport: 'xiaozhi',
    credential: device.credential ?? null,
    // it lasts as long as the conversation; over MQTT the channel beneath it is the one that stays
    staysOpen: false,
    takes: (name) => link.tools().some((tool) => tool.name === name),
    async command({ commandId, name, args }: CommandMessage) {
      const call = link.callTool(name, args, never);
      // a call that cannot be written fails before anything else happens
      const failed = await Promise.race([
        call.then(
          () => null,
          (error: unknown) => error,
        ),
        new Promise<null>((resolve) => setImmediate(resolve, null)),
      ]);
      if (failed !== null && !wasSent(failed)) {
        throw new MusterError('DEVICE_NOT_CONNECTED', { deviceId }, { cause: failed });
      }
      end(commandId, call).catch((error: unknown) =>
        log.warn({ err: error, deviceId, commandId }, 'the answer of a tool was not stored'),
      );
    },
    twinDelta: () => undefined,
    close: deps.close,
  };
}

function wasSent(error: unknown): boolean {
  if (!(error instanceof MusterError)) return true;
  if (error.code === 'DEVICE_NOT_CONNECTED') return error.context.sent === true;
  return error.code !== 'QUEUE_FULL' && error.code !== 'TOOL_UNKNOWN';
}
