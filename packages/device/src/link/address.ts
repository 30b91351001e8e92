import { lookup as resolve } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { MusterError } from '@muster/contract';

/** RFC 1918, loopback, link-local, and their kin in IPv6: networks where no stranger listens. */
const nearby = new BlockList();
nearby.addSubnet('10.0.0.0', 8, 'ipv4');
nearby.addSubnet('127.0.0.0', 8, 'ipv4');
nearby.addSubnet('169.254.0.0', 16, 'ipv4');
nearby.addSubnet('172.16.0.0', 12, 'ipv4');
nearby.addSubnet('192.168.0.0', 16, 'ipv4');
nearby.addAddress('::1', 'ipv6');
nearby.addSubnet('fc00::', 7, 'ipv6');
nearby.addSubnet('fe80::', 10, 'ipv6');

/** How to connect to an address that passed the check. */
export interface Route {
  readonly url: URL;
  /** For plain connections: resolves names, and refuses one that turns out to be public. */
  readonly lookup: LookupFunction | undefined;
}

/**
 * Without TLS only to loopback and private networks: the token and what is said in a home would be readable to all on
 * the way. `secure` and `plain` are the schemes allowed, for example `wss:` and `ws:`. Throws CONFIG_INVALID.
 */
export function routeTo(address: string, secure: string, plain: string): Route {
  const url = URL.parse(address);
  if (url === null || (url.protocol !== secure && url.protocol !== plain)) {
    throw new MusterError('CONFIG_INVALID', { address }, { say: `${address} is not a ${secure}// address.` });
  }
  if (url.protocol === secure) return { url, lookup: undefined };
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isNearby(host)) throw refused(url, secure);
  return {
    url,
    lookup(name, options, callback) {
      resolve(name, { ...options, all: true }, (error, addresses) => {
        if (error !== null) return callback(error, [], 0);
        if (!addresses.every(({ address: found }) => isNearby(found))) return callback(refused(url, secure), [], 0);
        const first = addresses[0];
        if (options.all === true || first === undefined) callback(null, addresses);
        else callback(null, first.address, first.family);
      });
    },
  };
}

function isNearby(address: string): boolean {
  return nearby.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function refused(url: URL, secure: string): MusterError {
  const say = `${url.host} is not on a private network, and ${url.protocol}// is not encrypted. Use ${secure}// for it.`;
  return new MusterError('CONFIG_INVALID', { host: url.host }, { say });
}
