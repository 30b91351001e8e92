import type { WireName } from '@muster/testkit';
import { usage } from '../command-line.ts';

/** A device as it shall be, before it is made. */
export interface PlannedDevice {
  /** The same in every run of this computer against this site, so that its device is used again. */
  readonly hardwareId: string;
  readonly name: string;
  readonly profile: string;
  readonly wire: WireName;
}

/** What a fleet is made of when nobody says: mostly things that measure. */
const USUAL = 'sensor=0.5,camera=0.15,robot=0.15,voice=0.1,gateway=0.1';

/** `sensor=0.5,robot=0.2`: parts, whatever they add up to; `sensor` alone is all of them. Throws USAGE. */
export function readShares(typed: string | undefined, known: readonly string[]): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const part of (typed ?? USUAL).split(',')) {
    const [name = '', share = '1'] = part.trim().split('=');
    if (!known.includes(name)) throw usage(`There is no profile "${name}". There are: ${known.join(', ')}.`);
    if (!/^\d{1,6}(\.\d{1,6})?$/.test(share) || Number(share) === 0) {
      throw usage(`The share of ${name} is a number above 0, not "${share}".`);
    }
    shares.set(name, (shares.get(name) ?? 0) + Number(share));
  }
  return shares;
}

/** Wires that devices take in turn. Throws USAGE. */
export function readWires(typed: string | undefined, known: readonly WireName[]): readonly WireName[] {
  if (typed === undefined || typed === 'mixed') return known;
  const found = known.find((wire) => wire === typed);
  if (found === undefined) throw usage(`--wire takes ${known.join(', ')} or mixed, not "${typed}".`);
  return [found];
}

/** `owner` names this computer and the site. The devices of a smaller fleet are among those of a larger one of the same shares. */
export function planFleet(
  count: number,
  shares: ReadonlyMap<string, number>,
  wires: readonly WireName[],
  owner: string,
): PlannedDevice[] {
  const total = [...shares.values()].reduce((sum, share) => sum + share, 0);
  const made = new Map<string, number>();
  return Array.from({ length: count }, (_, nth) => {
    // whoever is furthest behind their share is next
    let profile = '';
    let most = Number.NEGATIVE_INFINITY;
    for (const [name, share] of shares) {
      const behind = ((nth + 1) * share) / total - (made.get(name) ?? 0);
      if (behind > most + 1e-9) [profile, most] = [name, behind];
    }
    const number = (made.get(profile) ?? 0) + 1;
    made.set(profile, number);
    return {
      hardwareId: `sim-${owner}-${profile}-${number}`,
      name: `Simulated ${profile} ${number}`,
      profile,
      wire: wires[nth % wires.length] ?? 'http',
    };
  });
}
