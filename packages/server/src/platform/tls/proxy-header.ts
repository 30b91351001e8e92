import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';
import { MusterError } from '@muster/contract';
import { CERTIFICATE_BYTES, type ClientCertificate, certificateOf, MOST_INTERMEDIATES } from './client-certificate.ts';

/** Which proxy ends TLS for us, and in which header it puts what clients show. */
export interface CertificateProxy {
  /** Lower case. */
  readonly header: string;
  /** Addresses and networks (`10.0.0.0/8`) from which it comes. */
  readonly addresses: readonly string[];
}

export type CertificateReader = (request: Pick<IncomingMessage, 'socket' | 'headers'>) => ClientCertificate | null;

/**
 * What the client of a request showed. From the socket of the proxy only its header counts, from every other socket
 * only the handshake: a client that sends the header itself gains nothing. CERTIFICATE_REFUSED for a header of the
 * proxy that is none.
 */
export function createCertificateReader(proxy: CertificateProxy | null): CertificateReader {
  // a connection has one handshake, and many requests
  const shown = new WeakMap<Socket, ClientCertificate | null>();
  const isProxy = proxy === null ? () => false : addressCheck(proxy.addresses);
  return ({ socket, headers }) => {
    if (proxy !== null && isProxy(socket.remoteAddress ?? '')) return readHeader(headers, proxy.header);
    let certificate = shown.get(socket);
    if (certificate === undefined) {
      certificate = certificateOf(socket);
      shown.set(socket, certificate);
    }
    return certificate;
  };
}

function readHeader(headers: IncomingHttpHeaders, name: string): ClientCertificate | null {
  const value = headers[name];
  if (value === undefined || value === '') return null;
  if (typeof value !== 'string') throw refused();
  // RFC 9440: bytes between colons; its chain stands in a header of its own
  if (value.startsWith(':')) {
    const chain = headers[`${name}-chain`];
    const items = typeof chain === 'string' && chain !== '' ? chain.split(',').slice(0, MOST_INTERMEDIATES) : [];
    return { leaf: bytesOf(value), intermediates: items.map((item) => bytesOf(item.trim())) };
  }
  // nginx: $ssl_client_escaped_cert
  return { leaf: decodePem(unescapeHeader(value)), intermediates: [] };
}

function bytesOf(item: string): Buffer {
  const [, text] = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(item) ?? [];
  if (text === undefined || text.length > 2 * CERTIFICATE_BYTES) throw refused();
  return Buffer.from(text, 'base64');
}

function unescapeHeader(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch (cause) {
    throw refused(cause);
  }
}

function decodePem(pem: string): Buffer {
  const [, text] = /^-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/.exec(pem) ?? [];
  if (text === undefined || text.length > 2 * CERTIFICATE_BYTES) throw refused();
  return Buffer.from(text, 'base64');
}

function refused(cause?: unknown): MusterError {
  return new MusterError('CERTIFICATE_REFUSED', {}, { cause, say: 'The header of the proxy holds no certificate.' });
}

function addressCheck(addresses: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const one of addresses) {
    const [address = '', bits] = one.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    const prefix = bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits);
    try {
      list.addSubnet(address, prefix, family);
    } catch (cause) {
      const say = `http.certificateProxies: ${one} is no address and no network such as 10.0.0.0/8.`;
      throw new MusterError('CONFIG_INVALID', {}, { cause, say });
    }
  }
  return (address) => {
    const plain = address.replace(/^::ffff:/, '');
    return isIP(plain) !== 0 && list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
  };
}
