import type { Device } from '@muster/contract';
import type { Audit } from '../../accounts/index.ts';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/index.ts';
import type { Logger } from '../../platform/log.ts';
import { type Authorities, createAuthorities } from './authorities.ts';
import { createDeviceCertificates, type DeviceCertificates } from './device-certificates.ts';
import { type CertificateTables, createCertificateStore } from './store.ts';
import { createCertificateWatch } from './watch.ts';

/** X.509: devices that sign in with a certificate of an authority of their site. */
export interface Certificates extends DeviceCertificates {
  readonly authorities: Authorities;
  /** When the certificates of each device end, the last of those that hold; null: none holds. Devices that never had one are left out. */
  ends(): Promise<readonly { readonly deviceId: string; readonly siteId: string; readonly endsAt: number | null }[]>;
  /** Begins to look which certificates end while their devices are connected. */
  start(): void;
  stop(): Promise<void>;
}

export function createCertificates(deps: {
  readonly db: Database<CertificateTables>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: Bus;
  readonly audit: Pick<Audit, 'append'>;
  /** REQUEST_INVALID for a kind of device that nobody knows. */
  readonly checkProfile: (name: string | null | undefined) => void;
  /** Makes a device without a token. CONFLICT when the hardware id is in use. */
  readonly admit: (siteId: string, wanted: { name: string; hardwareId: string; profile?: string }) => Promise<Device>;
  readonly isConnected: (deviceId: string) => boolean;
  /** Closes every connection of a device, and forgets what is known of its credentials. */
  readonly disconnect: (deviceId: string) => void;
}): Certificates {
  const store = createCertificateStore(deps.db);
  const watch = createCertificateWatch({ ...deps, store });
  return {
    ...createDeviceCertificates({ ...deps, store, watch }),
    authorities: createAuthorities({ ...deps, store }),
    ends: () => store.ends(),
    start: () => watch.start(),
    stop: () => watch.stop(),
  };
}
