/** Where people's screens connect with a WebSocket. */
export const LIVE_PATH = '/api/live';

/**
 * What can be watched, each with what its items are. A topic is `{about}/{id}/{part}`, and `command/{id}` for one
 * command. `key`: the member that says which thing an item tells of; a newer item stands for an older one of that key.
 */
export const LIVE_TOPICS = {
  telemetry: {
    topic: 'device/{id}/telemetry',
    key: 'series',
    items: 'LivePoint',
    meaning: 'Newest value of each series; measurements older than the newest are history and not told',
  },
  twin: { topic: 'device/{id}/twin', key: 'deviceId', items: 'LiveTwin', meaning: 'Desired and reported state' },
  commands: {
    topic: 'device/{id}/commands',
    key: 'commandId',
    items: 'Command',
    meaning: 'Commands of the device: the newest 50, then those that are made or change',
  },
  events: {
    topic: 'device/{id}/events',
    key: 'eventId',
    items: 'DeviceEvent',
    meaning: 'Events of the device: the newest 50, then new ones',
  },
  presence: {
    topic: 'site/{id}/presence',
    key: 'deviceId',
    items: 'LivePresence',
    meaning: 'Devices of the site that are connected, then those that come and go',
  },
  alerts: {
    topic: 'site/{id}/alerts',
    key: 'alertId',
    items: 'Alert',
    meaning: 'Open alerts of the site (the newest 1,000), then those that open, change or close',
  },
  siteCommands: {
    topic: 'site/{id}/commands',
    key: 'commandId',
    items: 'Command',
    meaning: 'Commands of the site that have not ended (the newest 200), then those that are made or change',
  },
  command: { topic: 'command/{id}', key: 'commandId', items: 'Command', meaning: 'One command until its end' },
} as const;

export type LiveKind = keyof typeof LIVE_TOPICS;

/** A topic as it was named: `id` is of a device, a site or a command, as the kind says. */
export interface LiveTopic {
  readonly kind: LiveKind;
  readonly id: string;
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const KIND_OF: ReadonlyMap<string, LiveKind> = new Map(
  (Object.keys(LIVE_TOPICS) as LiveKind[]).map((kind) => [LIVE_TOPICS[kind].topic, kind]),
);

/** The topic of a name; null when there is none of that form. Says nothing about whether its thing exists. */
export function readLiveTopic(name: string): LiveTopic | null {
  const [about = '', id = '', ...rest] = name.split('/', 4);
  if (!ID.test(id)) return null;
  const kind = KIND_OF.get([about, '{id}', ...rest].join('/'));
  return kind === undefined ? null : { kind, id };
}

export function nameOfLiveTopic({ kind, id }: LiveTopic): string {
  return LIVE_TOPICS[kind].topic.replace('{id}', id);
}
