import type { LiveKind } from '@muster/contract';
import type { Bus, BusEvents } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Feed } from './feed.ts';
import type { Feeds } from './feeds.ts';
import type { LiveItem } from './inbox.ts';

/**
 * Brings the events of the bus, of this server and of others, to the topics that somebody watches; what nobody watches
 * costs one look into a map.
 */
export interface Routes {
  /** Measurements cross from other servers only while somebody listens, so nobody listens without need. */
  followed(kind: LiveKind, isFollowed: boolean): void;
  end(): void;
}

export function routeEvents(bus: Bus, find: Feeds['find'], clock: Clock): Routes {
  let endTelemetry: (() => void) | null = null;

  function onStored({ batches }: BusEvents['telemetry.stored']): void {
    const told = new Map<Feed, LiveItem[]>();
    for (const { deviceId, points } of batches) {
      const feed = find('telemetry', deviceId);
      if (feed === null) continue;
      const items = told.get(feed) ?? [];
      told.set(feed, items);
      // copies: the batch itself must not be kept
      for (const { series, kind, at, value } of points) items.push({ series, kind, at, value });
    }
    for (const [feed, items] of told) feed.tell(items);
  }

  const presence = (deviceId: string, siteId: string, connected: boolean): void =>
    find('presence', siteId)?.tell([{ deviceId, connected, at: clock.now() }]);
  const ends = [
    bus.subscribe('device.event', ({ deviceId, eventId, name, level, data, at, receivedAt }) =>
      find('events', deviceId)?.tell([{ eventId, name, level, data, at, receivedAt }]),
    ),
    bus.subscribe('twin.changed', ({ deviceId }) => find('twin', deviceId)?.look([deviceId])),
    bus.subscribe('command.changed', ({ commandId, deviceId, siteId }) => {
      find('commands', deviceId)?.look([commandId]);
      find('siteCommands', siteId)?.look([commandId]);
      find('command', commandId)?.look([commandId]);
    }),
    bus.subscribe('alert.changed', ({ alertId, siteId }) => {
      if (siteId !== null) find('alerts', siteId)?.look([alertId]);
    }),
    bus.subscribe('device.connected', ({ deviceId, siteId }) => presence(deviceId, siteId, true)),
    bus.subscribe('device.disconnected', ({ deviceId, siteId }) => presence(deviceId, siteId, false)),
  ];
  return {
    followed(kind, isFollowed) {
      if (kind !== 'telemetry') return;
      endTelemetry?.();
      endTelemetry = isFollowed ? bus.subscribe('telemetry.stored', onStored) : null;
    },
    end() {
      endTelemetry?.();
      endTelemetry = null;
      for (const end of ends) end();
    },
  };
}
