import type { Profile } from '@muster/contract';
import { list } from './index.gen.ts';

export type { Profile } from '@muster/contract';
export { defineProfile } from './define.ts';

/** Every kind of device that is known, by its name. */
export const profiles: ReadonlyMap<string, Profile> = new Map(list.map((profile) => [profile.name, profile]));
