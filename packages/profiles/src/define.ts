import type { Profile } from '@muster/contract';

/**
 * `export const profile = defineProfile({…})` in `src/<name>/index.ts` is all it takes: `npm run gen` lists it. A
 * device of a profile may have other series and commands too; the profile says what is known of them beforehand.
 *
 * Units are written as UCUM does (https://ucum.org), since those are unambiguous and machines read them.
 */
export function defineProfile<const P extends Profile>(profile: P): P {
  return profile;
}
