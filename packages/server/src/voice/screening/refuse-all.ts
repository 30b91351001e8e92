import type { Screener } from '../ports.ts';

/** For a site that demands screening while no screener is configured: lets nothing through. */
export const refuseAll: Screener = {
  id: 'refuseAll',
  check: () => Promise.resolve({ allow: false, reason: 'noScreener' }),
};
