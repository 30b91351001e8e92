import { profiles } from '@muster/profiles';

/** Kinds of devices that can be simulated. */
export function fleetProfiles(): readonly string[] {
  return [...profiles.keys()];
}
