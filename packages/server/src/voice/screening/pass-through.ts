import type { Screener } from '../ports.ts';

/** For sites of adults: lets every word through. */
export const passThrough: Screener = {
  id: 'passThrough',
  check: () => Promise.resolve({ allow: true, reason: null }),
};
