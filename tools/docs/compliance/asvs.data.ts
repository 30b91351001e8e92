import { levelOne } from './asvs-1.data.ts';
import { levelTwo } from './asvs-2.data.ts';
import type { Standard } from './claims.ts';

export const asvs: Standard = {
  name: 'OWASP ASVS 5.0.0',
  about:
    'Application Security Verification Standard, levels 1 and 2, by the numbers of version 5.0.0 (the V before them is ' +
    'left out). Level 3 is not looked at.',
  parts: [
    { name: 'Level 1', claims: levelOne },
    { name: 'Level 2', claims: levelTwo },
  ],
};
