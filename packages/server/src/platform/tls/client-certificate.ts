import { constants, createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { TLSSocket, type TlsOptions } from 'node:tls';

/** What a client showed, DER. That it has the private key was proved; nothing else of it was checked. */
export interface ClientCertificate {
  readonly leaf: Buffer;
  /** What it showed besides, to lead from its own to an authority; at most {@link MOST_INTERMEDIATES}. */
  readonly intermediates: readonly Buffer[];
}

export const MOST_INTERMEDIATES = 4;
/** No certificate of a device is longer, bytes of DER. */
export const CERTIFICATE_BYTES = 8_192;

/**
 * Asks every client for a certificate and refuses none for it: tokens go on working, and the handshake proves that a
 * client has the key of what it shows. Whose it is, and whether it holds, is judged by devices/x509: the authorities
 * of sites come and go while the server runs. No authorities are named to clients, for those are customers. A client
 * may not begin a second handshake on a connection, and so turn into somebody else.
 */
export const ASK_FOR_CERTIFICATE = {
  requestCert: true,
  rejectUnauthorized: false,
  minVersion: 'TLSv1.2',
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const satisfies TlsOptions;

/** What the client at the other end of a socket showed in its handshake; null for none, and without TLS. */
export function certificateOf(socket: Duplex): ClientCertificate | null {
  if (!(socket instanceof TLSSocket)) return null;
  const shown = socket.getPeerCertificate(true);
  // an empty object stands for none
  if (!Buffer.isBuffer(shown?.raw)) return null;
  const intermediates: Buffer[] = [];
  for (let at = shown; intermediates.length < MOST_INTERMEDIATES; at = at.issuerCertificate) {
    const next = at.issuerCertificate;
    // one that signed itself is its own issuer
    if (next === undefined || next === at || next.raw.equals(at.raw)) break;
    intermediates.push(next.raw);
  }
  return { leaf: shown.raw, intermediates };
}

/** SHA-256, lower-case hex: what names a certificate. */
export const fingerprintOf = (certificate: Buffer): string => createHash('sha256').update(certificate).digest('hex');
