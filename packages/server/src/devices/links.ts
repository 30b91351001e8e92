import type { CommandMessage, ErrorCode, TwinDelta } from '@muster/contract';
import type { Bus } from '../platform/bus/index.ts';

export type Transport = 'mqtt' | 'websocket' | 'http' | 'xiaozhi';

/** One open connection of a device, whatever its wire. The gateway that holds it makes this; nothing here blocks. */
export interface DeviceLink {
  readonly deviceId: string;
  readonly siteId: string;
  readonly transport: Transport;
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
  /** Devices that are connected to this process. */
  deviceIds(): Iterable<string>;
  count(): number;
}

/** Tells the bus when a device gets its first connection and when it loses its last. */
export function createDeviceLinks(bus: Bus, onChange: (deviceId: string) => void): DeviceLinks {
  const links = new Map<string, readonly DeviceLink[]>();
  return {
    open(link) {
      const { deviceId, siteId } = link;
      const others = links.get(deviceId) ?? [];
      links.set(deviceId, [link, ...others]);
      onChange(deviceId);
      if (others.length === 0) bus.publish('device.connected', { deviceId, siteId });
      return () => {
        const open = links.get(deviceId) ?? [];
        const left = open.filter((one) => one !== link);
        if (left.length === open.length) return;
        if (left.length > 0) {
          links.set(deviceId, left);
          return;
        }
        links.delete(deviceId);
        onChange(deviceId);
        bus.publish('device.disconnected', { deviceId, siteId });
      };
    },
    of: (deviceId) => links.get(deviceId) ?? [],
    deviceIds: () => links.keys(),
    count: () => links.size,
  };
}
