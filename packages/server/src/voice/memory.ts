import type { Clock } from '../platform/clock.ts';
import type { ChatMessage } from './ports.ts';

/**
 * What was said in the last turns of each device, in memory only: gone when nothing was said for a while, when the
 * server restarts, and past 1,000 devices.
 */
export interface Memory {
  recall(deviceId: string, turns: number): readonly ChatMessage[];
  keep(deviceId: string, heard: string, said: string): void;
  forget(deviceId: string): void;
}

const MOST_DEVICES = 1_000;
const MOST_TURNS = 50;

export function createMemory(clock: Clock, keepMs: number): Memory {
  const devices = new Map<string, { at: number; messages: ChatMessage[] }>();
  return {
    recall(deviceId, turns) {
      const found = devices.get(deviceId);
      if (found === undefined || turns === 0) return [];
      if (clock.monotonic() - found.at > keepMs) {
        devices.delete(deviceId);
        return [];
      }
      return found.messages.slice(-2 * turns);
    },
    keep(deviceId, heard, said) {
      const before = devices.get(deviceId)?.messages ?? [];
      const now: ChatMessage[] = [
        { role: 'user', text: heard },
        { role: 'assistant', text: said },
      ];
      devices.delete(deviceId);
      devices.set(deviceId, { at: clock.monotonic(), messages: [...before, ...now].slice(-2 * MOST_TURNS) });
      const oldest = devices.keys().next();
      if (devices.size > MOST_DEVICES && oldest.done !== true) devices.delete(oldest.value);
    },
    forget: (deviceId) => void devices.delete(deviceId),
  };
}
