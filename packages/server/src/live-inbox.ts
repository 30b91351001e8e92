import { type LiveKind, type LiveTopic, MusterError } from '@muster/contract';
import { type Accounts, type Action, judge, type Session } from './accounts/index.ts';
import type { Alerts } from './alerts/index.ts';
import type { Commands } from './commands/index.ts';
import type { Devices, Twins } from './devices/index.ts';
import type { LiveInbox, LiveItem, LiveViewer } from './gateway/live/index.ts';
import type { Clock } from './platform/clock.ts';
import type { Sites } from './sites/index.ts';
import type { Telemetry } from './telemetry/index.ts';

/** What a topic needs of whoever watches it: the same as reading the same over HTTP. */
const ACTIONS: Readonly<Record<LiveKind, Action>> = {
  telemetry: 'telemetry.read',
  twin: 'twin.read',
  commands: 'command.read',
  events: 'telemetry.read',
  presence: 'device.read',
  alerts: 'alert.read',
  siteCommands: 'command.read',
  command: 'command.read',
};
/** What a first state holds at most; LIVE_TOPICS says these numbers to clients. */
const NEWEST = 50;
const OPEN_COMMANDS = 200;
const OPEN_ALERTS = 1_000;

/** Joins the live feed to the features whose things it shows. */
export function createLiveInbox(deps: {
  readonly clock: Clock;
  readonly sessions: Pick<Accounts['sessions'], 'idOf' | 'open'>;
  readonly sites: Sites;
  readonly devices: Devices;
  readonly twins: Twins;
  readonly telemetry: Telemetry;
  readonly commands: Commands;
  readonly alerts: Pick<Alerts, 'list'>;
}): LiveInbox {
  const { sessions, devices, telemetry, twins, commands, alerts } = deps;

  function toViewer(sessionId: string, { user, actor }: Session): LiveViewer {
    return {
      sessionId,
      userId: user.userId,
      may(kind, siteId) {
        const verdict = judge(actor, ACTIONS[kind], siteId, deps.clock.now());
        return verdict === 'allowed' || verdict === 'hidden' ? verdict : 'forbidden';
      },
    };
  }

  async function viewersOf(sessionIds: readonly string[]): Promise<Map<string, LiveViewer>> {
    const found = await sessions.open(sessionIds);
    return new Map([...found].map(([id, session]) => [id, toViewer(id, session)]));
  }

  /** The database knows of other servers; of this one the connections themselves do, a moment earlier. */
  async function connectedAt(siteId: string): Promise<LiveItem[]> {
    const found = new Set<string>();
    for await (const { deviceId, connected } of devices.all({ sites: [siteId], connected: true })) {
      if (connected) found.add(deviceId);
    }
    for (const deviceId of devices.links.deviceIds()) {
      if (devices.links.of(deviceId)[0]?.siteId === siteId) found.add(deviceId);
    }
    const at = deps.clock.now();
    return [...found].map((deviceId) => ({ deviceId, connected: true, at }));
  }

  const twinOf = async (deviceId: string): Promise<LiveItem> => ({ deviceId, ...(await twins.read(deviceId)) });

  return {
    async viewerOf(token) {
      const sessionId = sessions.idOf(token);
      return (await viewersOf([sessionId])).get(sessionId) ?? null;
    },
    viewersOf,
    async siteOf({ kind, id }) {
      switch (kind) {
        case 'presence':
        case 'alerts':
        case 'siteCommands':
          return (await deps.sites.get(id)).siteId;
        case 'command':
          return (await commands.get(id)).siteId;
        default:
          return (await devices.get(id)).siteId;
      }
    },
    async read({ kind, id }): Promise<readonly LiveItem[]> {
      switch (kind) {
        case 'telemetry':
          return (await telemetry.latest(id)).map(({ series, kind: valueKind, at, value }) => ({
            series,
            kind: valueKind,
            at,
            value,
          }));
        case 'twin':
          return [await twinOf(id)];
        case 'commands':
          return (await commands.list(id, NEWEST, null)).reverse();
        case 'events':
          return (await telemetry.events(id, NEWEST, null)).reverse();
        case 'presence':
          return connectedAt(id);
        case 'alerts':
          return (await alerts.list({ sites: null, siteId: id, state: 'open', limit: OPEN_ALERTS })).reverse();
        case 'siteCommands':
          return (await commands.openOf(id, OPEN_COMMANDS)).reverse();
        case 'command':
          return commands.getAll([id]);
      }
    },
    async readSome({ kind, id }: LiveTopic, keys): Promise<readonly LiveItem[]> {
      switch (kind) {
        case 'twin':
          return [await twinOf(id)];
        case 'commands':
        case 'siteCommands':
        case 'command':
          return (await commands.getAll(keys)).sort((a, b) => (a.commandId < b.commandId ? -1 : 1));
        case 'alerts': {
          const found = await alerts.list({ sites: null, siteId: id, alertIds: keys, limit: keys.length });
          return [...found].reverse();
        }
        default:
          throw new MusterError('INTERNAL', { kind });
      }
    },
  };
}
