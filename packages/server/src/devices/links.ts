import type { CommandMessage, ErrorCode, TwinDelta } from '@muster/contract';
import type { Bus } from '../platform/bus/index.ts';

export type Transport = 'mqtt' | 'websocket' | 'http' | 'xiaozhi';

/** One open connection of a device, whatever its wire. The gateway that holds it makes this; nothing here blocks. */
export interface DeviceLink {
  readonly deviceId: string;
  readonly siteId: string;
  readonly transport: Transport;
  /** What is stored of the token that opened it, hex; null or left out: none did, but a certificate. */
  readonly credential?: string | null;
  /** Network address of the other end; left out: nobody knows it. */
  readonly address?: string | null;
  /** When something was heard on it last, monotonic ms; left out: nobody counts. */
  heardAt?(): number;
  /**
   * Whether the device keeps this connection while it is on, so that without it the device is away: MQTT, our WebSocket.
   * False for a wire that it opens only when it has something to say and closes after it: the conversation of a Xiaozhi
   * board over WebSocket, a poll over HTTP.
   */
  readonly staysOpen: boolean;
  /** Whether this connection can carry the command: a voice device takes only the tools that it listed. */
  takes(name: string): boolean;
  /**
   * Writes the command to the connection. Resolves when it was written, which says nothing about the device. Rejects
   * with DEVICE_NOT_CONNECTED when not one byte left, so that it may be sent again by another way. The answer comes
   * by the inbox as a CommandReply.
   */
  command(message: CommandMessage): Promise<void>;
  /** Tells the device what it has yet to do. Devices that know no twin ignore it. */
  twinDelta(delta: TwinDelta): void;
  close(code: ErrorCode): void;
}

/** Who is connected to this process, and by which wire. */
export interface DeviceLinks {
  /** A connection began. The function returned ends it; a device may have several, of different wires. */
  open(link: DeviceLink): () => void;
  /** Open connections of a device, the newest first. */
  of(deviceId: string): readonly DeviceLink[];
  /** What a token opened here, by what is stored of it, hex. */
  byCredential(hash: string): readonly DeviceLink[];
  /** Connections that one token opened here, where there are several; the oldest first. */
  shared(): Iterable<readonly DeviceLink[]>;
  /** Devices that are connected to this process. */
  deviceIds(): Iterable<string>;
  count(): number;
}

interface Held {
  readonly open: readonly DeviceLink[];
  /**
   * Whether a connection that stays was open when the newest began. What the device opened beside one is no sign that it
   * lives without: the poll of a device that lost its power may end after its MQTT.
   */
  readonly keeps: boolean;
}

/**
 * Tells the bus when a device gets its first connection and when it loses its last. `onChange` hears of each that begins
 * and of the last that ends, and whether the device keeps its connection.
 */
export function createDeviceLinks(bus: Bus, onChange: (deviceId: string, keeps: boolean) => void): DeviceLinks {
  const links = new Map<string, Held>();
  const byCredential = new Map<string, Set<DeviceLink>>();

  function list(link: DeviceLink): void {
    if (link.credential == null) return;
    const those = byCredential.get(link.credential);
    if (those === undefined) byCredential.set(link.credential, new Set([link]));
    else those.add(link);
  }

  function strike(link: DeviceLink): void {
    if (link.credential == null) return;
    const those = byCredential.get(link.credential);
    those?.delete(link);
    if (those?.size === 0) byCredential.delete(link.credential);
  }

  return {
    open(link) {
      const { deviceId, siteId } = link;
      list(link);
      const others = links.get(deviceId)?.open ?? [];
      const open = [link, ...others];
      const keeps = open.some(({ staysOpen }) => staysOpen);
      links.set(deviceId, { open, keeps });
      onChange(deviceId, keeps);
      if (others.length === 0) bus.publish('device.connected', { deviceId, siteId });
      return () => {
        strike(link);
        const held = links.get(deviceId);
        if (held === undefined) return;
        const left = held.open.filter((one) => one !== link);
        if (left.length === held.open.length) return;
        if (left.length > 0) {
          links.set(deviceId, { open: left, keeps: held.keeps });
          return;
        }
        links.delete(deviceId);
        onChange(deviceId, held.keeps);
        bus.publish('device.disconnected', { deviceId, siteId, expected: !held.keeps });
      };
    },
    of: (deviceId) => links.get(deviceId)?.open ?? [],
    byCredential: (hash) => [...(byCredential.get(hash) ?? [])],
    *shared() {
      for (const those of byCredential.values()) if (those.size > 1) yield [...those];
    },
    deviceIds: () => links.keys(),
    count: () => links.size,
  };
}
