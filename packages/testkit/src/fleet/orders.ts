import { type CommandMessage, type CommandReply, hasShape, type JsonObject, type Profile } from '@muster/contract';

/** Why a device does not even begin; null when it does. As proper devices do, it looks for itself. */
export function refusalOf(profile: Profile, { name, args }: CommandMessage): CommandReply['error'] | null {
  const command = profile.commands[name];
  if (command === undefined) return { code: 'COMMAND_UNKNOWN', message: `A ${profile.title} has no ${name}.` };
  if (!checkOf(profile, name)(args)) return { code: 'COMMAND_INVALID', message: `Those are no arguments of ${name}.` };
  return null;
}

const checks = new Map<string, (args: unknown) => boolean>();

function checkOf(profile: Profile, name: string): (args: unknown) => boolean {
  const key = `${profile.name} ${name}`;
  let check = checks.get(key);
  if (check === undefined) {
    check = hasShape(profile.commands[name]?.args ?? {});
    checks.set(key, check);
  }
  return check;
}

/** What the twin shows when a command was done: `mic.mute {muted: true}` is `mic: {muted: true}`; null when nothing. */
export function shownAfter(profile: Profile, { name, args }: CommandMessage): JsonObject | null {
  if (profile.commands[name]?.commandClass !== 'set' || Object.keys(args).length === 0) return null;
  return { [name.split('.')[0] ?? name]: args };
}

/** What a device answers when it did a command; undefined when there is nothing to say. Says that it is simulated. */
export function resultOf(
  { name, args }: CommandMessage,
  facts: { readonly profile: string; readonly upMs: number; readonly reported: JsonObject },
): unknown {
  switch (name) {
    case 'status.get':
      return { simulated: true, profile: facts.profile, uptimeMs: Math.round(facts.upMs), ...facts.reported };
    case 'log.pull': {
      const lines = Math.min(3, typeof args.lines === 'number' ? args.lines : 3);
      return { lines: Array.from({ length: lines }, (_, nth) => `simulated ${facts.profile}: line ${nth + 1}`) };
    }
    case 'wifi.scan':
      return { networks: [{ ssid: 'simulated', rssi: -52, channel: 6 }] };
    case 'wifi.list':
      return { networks: ['simulated'] };
    case 'wifi.status':
    case 'wifi.connect':
      return { rssi: -52, channel: 6 };
    default:
      return undefined;
  }
}
