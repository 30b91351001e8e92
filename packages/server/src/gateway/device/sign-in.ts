import { MusterError } from '@muster/contract';
import type { ClientCertificate } from '../../platform/tls/client-certificate.ts';
import type { DeviceInbox, KnownDevice } from './inbox.ts';

/** What a device shows on a connection to say who it is: one of them, or both. */
export interface DeviceCredentials {
  readonly token: string | null;
  readonly certificate: ClientCertificate | null;
}

/**
 * Whose connection it is; null when nobody knows what was shown. All that is shown must hold, and of both the device
 * must be the same; but a certificate that nobody here knows is left out beside a token: boards show what their maker
 * gave them. CERTIFICATE_REFUSED.
 */
export async function signIn(
  inbox: Pick<DeviceInbox, 'authenticate' | 'identify'>,
  { token, certificate }: DeviceCredentials,
): Promise<KnownDevice | null> {
  const byToken = token === null ? null : await inbox.authenticate(token, null);
  if (token !== null && byToken === null) return null;
  const byCertificate = certificate === null ? null : await inbox.identify(certificate);
  if (byToken !== null && byCertificate !== null && byToken.deviceId !== byCertificate.deviceId) {
    const say = 'The token and the client certificate are of different devices.';
    throw new MusterError('CERTIFICATE_REFUSED', { deviceId: byToken.deviceId }, { say });
  }
  return byToken ?? byCertificate;
}
