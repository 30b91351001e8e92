import type { CommandRunState, CommandState, PointValue, Severity, ValueKind } from '@muster/contract';

/** Points of one device that were committed together. Big: subscribers must not keep it. */
export interface StoredPoints {
  readonly deviceId: string;
  readonly siteId: string;
  readonly receivedAt: number;
  readonly points: readonly {
    readonly series: string;
    readonly kind: ValueKind;
    readonly at: number;
    readonly value: PointValue;
  }[];
}

/**
 * What features tell each other. The bus only wakes people up: the truth is in PostgreSQL, and an event that is lost
 * costs a delay, never data.
 */
export interface BusEvents {
  'device.connected': { readonly deviceId: string; readonly siteId: string };
  /**
   * It has no connection any more. `expected`: it need not have one, for it connects only when it has something to say;
   * also told of a device that was away and is heard without a connection.
   */
  'device.disconnected': { readonly deviceId: string; readonly siteId: string; readonly expected: boolean };
  /** A person made it; it has never been here. */
  'device.created': { readonly deviceId: string };
  'device.changed': { readonly deviceId: string };
  /** It may not be connected any more. `code`: what it is told; DEVICE_REVOKED when left out. */
  'device.revoked': { readonly deviceId: string; readonly code?: 'DEVICE_DECOMMISSIONED' | 'DEVICE_QUARANTINED' };
  /** Its tokens changed: some ended, or it has yet to be told a new one. */
  'credentials.changed': { readonly deviceId: string };
  /** Certificates of the site were bound, revoked, or their authority changed. */
  'certificates.changed': { readonly siteId: string };
  /** Sessions of the user have ended: live connections are judged anew. */
  'session.ended': { readonly userId: string };
  /** Rights, state or memberships of the user are others. */
  'user.changed': { readonly userId: string };
  'apiKey.removed': { readonly keyId: string };
  'assistant.changed': { readonly siteId: string };
  'site.changed': { readonly siteId: string };
  'telemetry.stored': { readonly batches: readonly StoredPoints[] };
  /** A message of a device was refused: `count` times since the last event with this code. */
  'device.refused': {
    readonly deviceId: string;
    readonly siteId: string;
    readonly code: string;
    readonly count: number;
  };
  'device.event': {
    readonly deviceId: string;
    readonly siteId: string;
    readonly eventId: string;
    readonly name: string;
    readonly level: 'info' | 'warning' | 'error';
    readonly data: unknown;
    readonly at: number;
    readonly receivedAt: number;
  };
  'twin.changed': {
    readonly deviceId: string;
    readonly siteId: string;
    readonly half: 'desired' | 'reported';
    readonly desiredVersion: number;
    readonly reportedVersion: number;
  };
  /** A command waits for this device: whoever holds its connection takes it. */
  'command.queued': { readonly deviceId: string; readonly commandId: string };
  'command.changed': {
    readonly commandId: string;
    readonly deviceId: string;
    readonly siteId: string;
    readonly name: string;
    readonly state: CommandState;
    /** The run that made it. */
    readonly runId?: string;
    readonly at: number;
  };
  /** A run of commands went on: its counts or its state are others. */
  'run.changed': {
    readonly runId: string;
    readonly siteId: string;
    readonly state: CommandRunState;
    readonly at: number;
  };
  'alert.changed': {
    readonly alertId: string;
    readonly siteId: string | null;
    readonly deviceId: string | null;
    readonly severity: Severity;
    readonly state: 'open' | 'closed';
    readonly at: number;
  };
}
