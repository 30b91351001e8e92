import { faultsOf } from '@muster/contract';
import { type Profile, profiles } from '@muster/profiles';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { CommandRules } from './commands/index.ts';
import type { SeriesUnits } from './telemetry/index.ts';

/** What the profiles say, in the words of the features that ask: units of series, rules of commands. */
export function unitsOf(profile: string | null): SeriesUnits | null {
  return profileOf(profile)?.series ?? null;
}

/** What devices of a profile can be told, in its order. */
export function commandNamesOf(profile: string | null): string[] {
  return Object.keys(profileOf(profile)?.commands ?? {});
}

/** Compiled once each: dispatching must not compile. */
const compiled = new Map<TSchema, ReturnType<typeof Compile>>();

/** Null: the profile lists commands, and this is none of them. Undefined: nothing is known of the device's commands. */
export function rulesOf(profile: string | null, name: string): CommandRules | null | undefined {
  const commands = profileOf(profile)?.commands;
  if (commands === undefined || Object.keys(commands).length === 0) return undefined;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) return null;
  const { commandClass, deadlineMs, args: schema } = command;
  return {
    commandClass,
    deadlineMs,
    check(args) {
      let check = compiled.get(schema);
      if (check === undefined) {
        check = Compile(schema);
        compiled.set(schema, check);
      }
      if (check.Check(args)) return [];
      return faultsOf(schema, check.Errors(args), 'args');
    },
  };
}

function profileOf(name: string | null): Profile | undefined {
  return name === null ? undefined : profiles.get(name);
}
