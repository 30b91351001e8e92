import { BlockList, isIP } from 'node:net';
import { MusterError } from '@muster/contract';

/** Not reachable from the internet, or not one machine: the IANA special-purpose registries for IPv4 and IPv6. */
const CLOSED = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  CLOSED.addSubnet(net, bits, 'ipv4');
}
/** Only global unicast (2000::/3) is open, without tunnels and documentation, which may lead anywhere. */
const OPEN6 = new BlockList();
OPEN6.addSubnet('2000::', 3, 'ipv6');
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  CLOSED.addSubnet(net, bits, 'ipv6');
}

/** Whether an address is one of the public internet. */
export function isPublic(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !CLOSED.check(address, 'ipv4');
  return family === 6 && OPEN6.check(address, 'ipv6') && !CLOSED.check(address, 'ipv6');
}

/** What the operator lets requests reach besides the public internet: names of hosts, addresses, networks. */
export interface Allowed {
  /** By its name, as it was typed. */
  hasHost(hostname: string): boolean;
  hasAddress(address: string): boolean;
}

/** Of entries such as `hooks.plant.example`, `10.0.0.7` or `10.1.0.0/16`. CONFIG_INVALID for one that is none of these. */
export function readAllowed(entries: readonly string[]): Allowed {
  const hosts = new Set<string>();
  const networks = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0) {
      const name = URL.parse(`http://${entry}/`)?.hostname;
      if (name !== entry.toLowerCase() || !/^[a-z0-9._-]+$/.test(name)) throw wrong(entry);
      hosts.add(name);
    } else if (bits === undefined) networks.addAddress(address, family);
    else {
      const length = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
      if (!(length >= 1 && length <= (family === 'ipv6' ? 128 : 32))) throw wrong(entry);
      networks.addSubnet(address, length, family);
    }
  }
  return {
    hasHost: (hostname) => hosts.has(hostname.toLowerCase()),
    hasAddress: (address) => networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'),
  };
}

const wrong = (entry: string): MusterError =>
  new MusterError('CONFIG_INVALID', {}, { say: `"${entry}" is no host, address or network (10.1.0.0/16).` });
