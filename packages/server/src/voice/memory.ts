import type { Clock } from '../platform/clock.ts';
import { forgetOldest } from '../platform/forget-oldest.ts';
import type { ChatMessage } from './ports.ts';

/**
 * What was said in the last turns of each device, in memory only. What is older than `keepMs` is never recalled and is
 * dropped at the next turn of any device; past 1,000 devices the one that was silent longest is dropped.
 */
export interface Memory {
  recall(deviceId: string, turns: number): readonly ChatMessage[];
  keep(deviceId: string, heard: string, said: string): void;
  /** Devices of which something is kept. */
  readonly devices: number;
}

const MOST_DEVICES = 1_000;
const MOST_TURNS = 50;

/** `keepMs`: how long after a device's last turn what was said with it may be recalled. */
export function createMemory(clock: Clock, keepMs: number): Memory {
  /** Who spoke last stands last. */
  const devices = new Map<string, { readonly at: number; readonly messages: readonly ChatMessage[] }>();

  function dropExpired(): void {
    const now = clock.monotonic();
    for (const [deviceId, { at }] of devices) {
      if (now - at <= keepMs) return;
      devices.delete(deviceId);
    }
  }

  return {
    get devices() {
      return devices.size;
    },
    recall(deviceId, turns) {
      dropExpired();
      return turns === 0 ? [] : (devices.get(deviceId)?.messages.slice(-2 * turns) ?? []);
    },
    keep(deviceId, heard, said) {
      dropExpired();
      const before = devices.get(deviceId)?.messages ?? [];
      const now: ChatMessage[] = [
        { role: 'user', text: heard },
        { role: 'assistant', text: said },
      ];
      devices.delete(deviceId);
      devices.set(deviceId, { at: clock.monotonic(), messages: [...before, ...now].slice(-2 * MOST_TURNS) });
      forgetOldest(devices, MOST_DEVICES);
    },
  };
}
