import type { TwinState } from '@muster/contract';

/** The twin of a device of which nothing is known. */
export const EMPTY_TWIN: TwinState = { desired: {}, desiredVersion: 0, reported: {}, reportedVersion: 0, delta: {} };
