import type { ErrorCode } from '@muster/contract';
import type { Pool } from 'pg';
import type { ClientRates } from '../../platform/client-rate.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { MqttConfig } from './config.ts';
import type { MqttInbox } from './inbox.ts';

export interface MqttGatewayDeps {
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly pool: Pool;
  readonly config: MqttConfig;
  readonly inbox: MqttInbox;
  /** What one device, or one key, may send: shared with the other wires. */
  readonly rates: ClientRates;
  /** Certificate and key, PEM; null: no port with TLS. */
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | null;
  /** Where the TLS port listens unless the configuration says otherwise. */
  readonly httpHost: string;
}

/** MQTT, 3.1.1 and 5, for devices and the people of their site: over our own broker, or over one of others. */
export interface MqttGateway {
  /** Opens the ports. Throws PORT_IN_USE. */
  listen(): Promise<void>;
  /** Ports that are open; null: not. */
  ports(): { readonly plain: number | null; readonly tls: number | null };
  /** Publishes to whoever subscribed to `devices/{deviceId}/{rest}`: clients of the device, and operators of its site. */
  publish(
    to: { readonly deviceId: string; readonly siteId: string },
    rest: string,
    payload: Buffer,
    qos: 0 | 1 | 2,
  ): Promise<void>;
  /** Ends every connection and session of a device now. */
  closeDevice(deviceId: string, code: ErrorCode): void;
  /** The same for an operator's key. */
  closeKey(keyId: string): void;
  connectionCount(): number;
  /** Takes nobody in any more, lets what is on its way be acknowledged for at most `ms`, and closes all. */
  drain(ms: number): Promise<void>;
}
