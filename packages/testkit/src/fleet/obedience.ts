import type { CommandMessage, CommandReply, JsonObject, Profile } from '@muster/contract';
import type { FleetCounters } from './counters.ts';
import type { BehaviourOptions } from './options.ts';
import { refusalOf, resultOf } from './orders.ts';
import type { Random } from './random.ts';
import type { TimerWheel } from './timer-wheel.ts';

/** Does what a device is told: looks at it, says that it has it, takes its time, and says how it went. */
export interface Obedience {
  command(message: CommandMessage): void;
}

/** Commands that are remembered, so that one that comes twice is done once. */
const MOST_REMEMBERED = 16;

export function createObedience(deps: {
  readonly profile: Profile;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly counters: FleetCounters;
  readonly options: BehaviourOptions;
  readonly say: (reply: CommandReply) => void;
  readonly facts: () => { readonly upMs: number; readonly reported: JsonObject };
  /** It was done, and said. */
  readonly done: (message: CommandMessage) => void;
}): Obedience {
  const { profile, wheel, random, counters, options } = deps;
  /** Made with the first command: most devices get none. Null: it is being done. */
  let remembered: Map<string, CommandReply | null> | null = null;

  function end(reply: CommandReply): void {
    if (reply.state === 'confirmed') counters.confirmed += 1;
    else if (reply.state === 'rejected') counters.rejected += 1;
    else counters.failed += 1;
    remembered?.set(reply.commandId, reply);
    deps.say(reply);
  }

  function obey(message: CommandMessage): void {
    const { commandId } = message;
    if (random() < options.failureShare) {
      const error = { code: 'SIMULATED_FAILURE', message: 'This device was told to fail now and then.' };
      end({ commandId, state: 'failed', error });
      return;
    }
    const result = resultOf(message, { profile: profile.name, ...deps.facts() });
    end({ commandId, state: 'confirmed', ...(result === undefined ? {} : { result }) });
    deps.done(message);
  }

  /** False when it was known already: it is answered again, not done again. */
  function remember(commandId: string): boolean {
    remembered ??= new Map();
    const before = remembered.get(commandId);
    if (before !== undefined) {
      if (before !== null) deps.say(before);
      return false;
    }
    remembered.set(commandId, null);
    const oldest = remembered.keys().next();
    if (remembered.size > MOST_REMEMBERED && oldest.done !== true) remembered.delete(oldest.value);
    return true;
  }

  return {
    command(message) {
      const { commandId } = message;
      if (!remember(commandId)) return;
      counters.commands += 1;
      const error = refusalOf(profile, message);
      if (error != null) {
        end({ commandId, state: 'rejected', error });
        return;
      }
      deps.say({ commandId, state: 'acked' });
      const { least, most } = options.commandMs;
      wheel.after(least + random() * (most - least), () => obey(message));
    },
  };
}
