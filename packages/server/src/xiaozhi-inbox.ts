import { type ErrorCode, MusterError, type Site } from '@muster/contract';
import type { Commands } from './commands/index.ts';
import type { DeviceLink, Devices } from './devices/index.ts';
import type { XiaozhiGateway, XiaozhiInbox } from './gateway/xiaozhi/index.ts';
import type { Logger } from './platform/log.ts';
import { activationLine, type Voice } from './voice/index.ts';
import { createToolLink } from './xiaozhi-tools.ts';

/** Joins the gateway of Xiaozhi devices to the features that answer them. */
export function createXiaozhiInbox(deps: {
  readonly devices: Devices;
  readonly voice: Voice;
  readonly siteOf: (siteId: string) => Promise<Site>;
  readonly commands: Pick<Commands, 'reply' | 'deviceReady'>;
  /** What a device sent was refused: counted, and told to the alerts. */
  readonly refused: (device: { readonly deviceId: string; readonly siteId: string }, code: ErrorCode) => void;
  /** Ends the conversation of a device. */
  readonly hangUp: XiaozhiGateway['hangUp'];
  readonly log: Logger;
}): XiaozhiInbox {
  const { devices, voice, commands, log } = deps;
  /** Conversations that are open, and the end of their presence: one connection for each device. */
  const talking = new Map<string, { readonly link: DeviceLink; readonly gone: () => void }>();
  return {
    async checkIn(request) {
      const { source, activationVersion, clientId, ...rest } = request;
      // firmware without a key sends version 1; Python clients show their serial number only when they prove it
      const keyed = activationVersion >= 2 && (rest.serialNumber !== null || rest.hmacKeyCandidate !== null);
      const reply = await devices.checkIn({ ...rest, clientId: clientId ?? '', keyed }, source);
      if (reply.active) {
        const site = await deps.siteOf(reply.device.siteId);
        const { deviceId } = reply.device;
        return { active: true, deviceId, token: reply.token, timeZone: site.timeZone };
      }
      const { code, challenge } = reply;
      return {
        active: false,
        code,
        challenge,
        message: code === null ? '' : activationLine(code, request.language ?? 'en'),
        timeZone: null,
      };
    },

    async activate({ hardwareId, clientId, proof, source }) {
      try {
        return await devices.pollActivation(hardwareId, clientId ?? '', proof, source);
      } catch (error) {
        const refused = error instanceof MusterError && /^ACTIVATION_(REFUSED|KEY_UNKNOWN)$/.test(error.code);
        if (refused) return 'refused';
        throw error;
      }
    },

    async authenticate({ token, hardwareId }) {
      const device = await devices.authenticate(token, hardwareId);
      if (device === null) return null;
      const { deviceId, siteId, name, credential } = device;
      return { deviceId, siteId, deviceName: name, credential };
    },

    open(device, link) {
      talking.get(device.deviceId)?.gone();
      const tools = createToolLink({
        device,
        link,
        reply: commands.reply,
        close: (code) => deps.hangUp(device, code),
        log,
      });
      talking.set(device.deviceId, { link: tools, gone: devices.links.open(tools) });
      return voice.open(link);
    },

    refused: (device, code) => deps.refused(device, code),

    toolsListed({ deviceId }) {
      const open = talking.get(deviceId);
      if (open !== undefined) commands.deviceReady(open.link);
    },

    channelOpened: ({ deviceId, siteId, credential = null, hangUp }) =>
      devices.links.open({
        deviceId,
        siteId,
        transport: 'xiaozhi',
        credential,
        staysOpen: true,
        // its tools are known only while it talks
        takes: () => false,
        command: () => Promise.reject(new MusterError('DEVICE_NOT_CONNECTED', { deviceId })),
        twinDelta: () => undefined,
        close: (code) => hangUp?.(code),
      }),

    closed({ deviceId }) {
      talking.get(deviceId)?.gone();
      talking.delete(deviceId);
    },
  };
}
