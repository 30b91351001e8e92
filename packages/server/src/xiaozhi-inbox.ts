import { MusterError, type Site } from '@muster/contract';
import type { Devices } from './devices/index.ts';
import type { XiaozhiInbox } from './gateway/xiaozhi/index.ts';
import { activationLine, type Voice } from './voice/index.ts';

/** Joins the gateway of Xiaozhi devices to the features that answer them. */
export function createXiaozhiInbox(deps: {
  readonly devices: Devices;
  readonly voice: Voice;
  readonly siteOf: (siteId: string) => Promise<Site>;
}): XiaozhiInbox {
  const { devices, voice } = deps;
  /** Ends the presence of a device: one connection each. */
  const gone = new Map<string, () => void>();
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
      const { deviceId, siteId, name } = device;
      return { deviceId, siteId, deviceName: name };
    },

    open(device, link) {
      const { deviceId, siteId } = device;
      gone.get(deviceId)?.();
      gone.set(
        deviceId,
        devices.links.open({
          deviceId,
          siteId,
          transport: 'xiaozhi',
          takes: (name) => link.tools().some((tool) => tool.name === name),
          command: () => Promise.reject(new MusterError('DEVICE_NOT_CONNECTED', { deviceId })),
          twinDelta: () => undefined,
          close: () => undefined,
        }),
      );
      return voice.open(link);
    },

    channelOpened: ({ deviceId, siteId }) =>
      devices.links.open({
        deviceId,
        siteId,
        transport: 'xiaozhi',
        // its tools are known only while it talks
        takes: () => false,
        command: () => Promise.reject(new MusterError('DEVICE_NOT_CONNECTED', { deviceId })),
        twinDelta: () => undefined,
        close: () => undefined,
      }),

    closed({ deviceId }) {
      gone.get(deviceId)?.();
      gone.delete(deviceId);
    },
  };
}
