import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';

/** Interfaces that come and go with software, so their addresses say nothing about the machine. */
const VIRTUAL = /^(?:docker|veth|br-|virbr|tun|tap|wg|tailscale|zt|cni|flannel)/;
const NO_ADDRESS = '00:00:00:00:00:00';

/** The MAC address of this machine's first real network interface, or a made-up one where there is none. */
export function hardwareAddress(interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces()): string {
  for (const name of Object.keys(interfaces).sort()) {
    const first = interfaces[name]?.[0];
    if (first === undefined || first.internal || VIRTUAL.test(name) || first.mac === NO_ADDRESS) continue;
    return first.mac.toLowerCase();
  }
  // the second-lowest bit of the first byte marks an address that no maker gave (IEEE 802)
  return ['02', ...randomBytes(5).toString('hex').matchAll(/../g)].join(':');
}
