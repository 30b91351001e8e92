import { lookup as resolve } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { notTaken } from '../notifiers/define.ts';

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

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

/**
 * The address of a host, looked up once: whoever connects uses this very one, so that a name which changes its answer
 * in between leads nowhere else. NOTIFIER_FAILED for one that is not public, unless `allowPrivate`.
 */
export async function addressOf(hostname: string, allowPrivate: boolean): Promise<Address> {
  const bare = hostname.replace(/^\[|\]$/g, '');
  const found = await resolve(bare, { all: true }).catch((cause: unknown) => {
    throw notTaken('The host has no address.', cause);
  });
  const first = found[0];
  if (first === undefined) throw notTaken('The host has no address.');
  // one private address among public ones is a trap, not a choice
  if (!allowPrivate && found.some(({ address }) => !isPublic(address))) {
    throw notTaken(
      'The address is not on the public internet. The operator may allow it: alerts.allowPrivateAddresses.',
    );
  }
  return { address: first.address, family: first.family === 6 ? 6 : 4 };
}
