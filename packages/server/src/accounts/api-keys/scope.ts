import { BlockList, isIP } from 'node:net';
import { MusterError } from '@muster/contract';
import { type Action, type Actor, judge, PERMISSIONS, permissionOf } from '../permissions.ts';

const isAction = (name: string): name is Action => Object.hasOwn(PERMISSIONS, name);

/**
 * Throws REQUEST_INVALID for what is no action that a key can have, and FORBIDDEN when whoever makes the key may not do
 * it: a key gives nobody more than they have.
 */
export function checkActions(actions: readonly string[], siteId: string | null, maker: Actor, now: number): void {
  for (const name of actions) {
    const say = `${name} is no action that a key can be made for; docs/reference/permissions.md lists those that are.`;
    if (!isAction(name) || permissionOf(name).keys !== true) throw new MusterError('REQUEST_INVALID', {}, { say });
    if (permissionOf(name).who === 'administrator' && siteId !== null) {
      throw new MusterError(
        'REQUEST_INVALID',
        {},
        { say: `${name} is of the whole server: make the key without a site.` },
      );
    }
    const verdict = judge(maker, name, siteId, now);
    if (verdict === 'stepUp') throw new MusterError('STEP_UP_REQUIRED', { action: name });
    if (verdict !== 'allowed') throw new MusterError('FORBIDDEN', { action: name });
  }
}

/** Whether a key with these networks may be used from an address; without any from everywhere. */
export function isFrom(networks: readonly string[], address: string): boolean {
  if (networks.length === 0) return true;
  const list = new BlockList();
  for (const network of networks) add(list, network);
  const kind = isIP(address);
  if (kind === 0) return false;
  // an IPv4 client of a socket that listens on both
  const plain = kind === 6 ? /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] : address;
  return plain === undefined ? list.check(address, 'ipv6') : list.check(plain, 'ipv4');
}

/** Throws REQUEST_INVALID for what is neither an address nor a network. */
export function checkNetworks(networks: readonly string[]): void {
  for (const network of networks) {
    try {
      add(new BlockList(), network);
    } catch (cause) {
      const say = `${network} is neither an address nor a network such as 10.0.0.0/8 or 2001:db8::/32.`;
      throw new MusterError('REQUEST_INVALID', {}, { cause, say });
    }
  }
}

function add(list: BlockList, network: string): void {
  const [address = '', bits, more] = network.split('/');
  const kind = isIP(address);
  if (kind === 0 || more !== undefined || (bits !== undefined && !/^\d{1,3}$/.test(bits))) throw new TypeError(network);
  const type = kind === 6 ? 'ipv6' : 'ipv4';
  if (bits === undefined) list.addAddress(address, type);
  else list.addSubnet(address, Number(bits), type);
}
