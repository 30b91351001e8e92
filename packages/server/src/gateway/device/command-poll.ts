import { type CommandMessage, MusterError } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import type { DeviceInbox, KnownDevice } from './inbox.ts';

/** Polls of one device that wait at a time: one more ends the oldest. */
const MOST_POLLS = 2;

/** Devices that ask for their next command over HTTP and wait for it: while they wait, they are here. */
export interface CommandPolls {
  /** The next command, or null when none came in `ms` or the device hung up. */
  next(device: KnownDevice, ms: number, signal: AbortSignal): Promise<CommandMessage | null>;
}

export function createCommandPolls(inbox: DeviceInbox, clock: Clock): CommandPolls {
  const waiting = new Map<string, (() => void)[]>();
  return {
    next(device, ms, signal) {
      return new Promise((resolve) => {
        let over = false;
        const end = (message: CommandMessage | null): void => {
          if (over) return;
          over = true;
          cancel();
          signal.removeEventListener('abort', hangUp);
          const polls = waiting.get(device.deviceId)?.filter((one) => one !== hangUp) ?? [];
          if (polls.length > 0) waiting.set(device.deviceId, polls);
          else waiting.delete(device.deviceId);
          connection.ended();
          resolve(message);
        };
        const hangUp = (): void => end(null);
        const cancel = clock.after(ms, hangUp);
        const connection = inbox.opened(device, {
          transport: 'http',
          staysOpen: false,
          listens: () => !over,
          command: async (message) => {
            if (over) throw new MusterError('DEVICE_NOT_CONNECTED', { deviceId: device.deviceId });
            end(message);
          },
          twinDelta: () => undefined,
          close: hangUp,
        });
        const polls = [...(waiting.get(device.deviceId) ?? []), hangUp];
        waiting.set(device.deviceId, polls);
        if (polls.length > MOST_POLLS) polls[0]?.();
        signal.addEventListener('abort', hangUp, { once: true });
        if (signal.aborted) hangUp();
        else connection.ready('commands');
      });
    },
  };
}
