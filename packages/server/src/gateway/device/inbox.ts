import type {
  CommandMessage,
  CommandReply,
  ErrorCode,
  EventMessage,
  TelemetryMessage,
  TwinDelta,
  TwinReport,
  TwinState,
} from '@muster/contract';
import type { ClientCertificate } from '../../platform/tls/client-certificate.ts';

/** A device whose token or certificate held. `profile` is the name of its kind; null when nobody said. */
export interface KnownDevice {
  readonly deviceId: string;
  readonly siteId: string;
  readonly name: string;
  readonly profile: string | null;
  readonly simulated: boolean;
  /** What is stored of the token that it showed, hex; left out: it showed none. */
  readonly credential?: string;
}

/**
 * What the device API needs from the rest of the server, whatever the wire. The gateway owns this interface and knows
 * no feature; device-inbox.ts joins it to them. Each of these resolves only when what it took is committed: the
 * acknowledgement to the device waits for that, and a rejection is told to the device with its code.
 */
export interface DeviceInbox {
  /** Whose token this is; null when it is unknown, revoked, or of another device than `deviceId` when that is given. */
  authenticate(token: string, deviceId: string | null): Promise<KnownDevice | null>;
  /**
   * The device whose certificate this is; null when nobody here knows it. CERTIFICATE_REFUSED for one that is known and
   * does not hold.
   */
  identify(certificate: ClientCertificate): Promise<KnownDevice | null>;
  /** The device spoke without an open connection, whatever it said: it lives. Costs nothing for each call. */
  heard(device: KnownDevice): void;
  telemetry(device: KnownDevice, message: TelemetryMessage): Promise<void>;
  event(device: KnownDevice, message: EventMessage): Promise<void>;
  twin(device: KnownDevice): Promise<TwinState>;
  reportTwin(device: KnownDevice, report: TwinReport): Promise<TwinState>;
  commandReply(device: KnownDevice, reply: CommandReply): Promise<void>;
  /**
   * Each wire tells what it refused, once, with its code: counted, and told to the alerts. What is no fault of the
   * device (the database is away) is left out there.
   */
  refused(device: Pick<KnownDevice, 'deviceId' | 'siteId'>, code: ErrorCode): void;
  /** A connection began: the device is here. */
  opened(device: KnownDevice, link: OpenLink): OpenConnection;
}

export interface OpenConnection {
  /** The device can be told things on it from now on: it gets the twin's delta, if there is one, and what waited. */
  ready(what: 'commands' | 'twin'): void;
  ended(): void;
}

/** What the server may do to an open connection; the same as DeviceLink in devices/, which the composition root makes of it. */
export interface OpenLink {
  readonly transport: 'mqtt' | 'websocket' | 'http';
  /** Network address of the device; left out: nobody knows it. */
  readonly address?: string | null;
  /** When something was heard on it last, monotonic ms; left out: nobody counts. */
  heardAt?(): number;
  /** Whether the device keeps it while it is on, or opens it only when it has something to ask. */
  readonly staysOpen: boolean;
  /** Whether the device listens for commands on it now. */
  listens(): boolean;
  /** Resolves when written; rejects with DEVICE_NOT_CONNECTED when not one byte left. */
  command(message: CommandMessage): Promise<void>;
  twinDelta(delta: TwinDelta): void;
  close(code: ErrorCode): void;
}
