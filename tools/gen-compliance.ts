import { join } from 'node:path';
import { MusterError } from '@muster/contract';
import { asvs } from './docs/compliance/asvs.data.ts';
import { consumerIot } from './docs/compliance/consumer-iot.data.ts';
import { cyberResilience } from './docs/compliance/cyber-resilience.data.ts';
import { missingEvidence } from './docs/compliance/evidence.ts';
import { compliancePage } from './docs/compliance/page.ts';
import { type Generated, generate } from './freshness.ts';

/**
 * docs/reference/compliance.md. Apart from the other pages, so that a test that was renamed holds up this page and no
 * other. Throws CONFIG_INVALID with a line for each piece of evidence that is not there.
 */
export const STANDARDS = [consumerIot, asvs, cyberResilience] as const;

export async function complianceFile(root: string): Promise<Generated> {
  const missing = await missingEvidence(root, STANDARDS);
  if (missing.length > 0) {
    const say = `${missing.join('\n')}\nMend the claims in tools/docs/compliance/, or bring the test back.`;
    throw new MusterError('CONFIG_INVALID', {}, { say });
  }
  return { path: 'docs/reference/compliance.md', text: compliancePage(STANDARDS) };
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  try {
    process.exitCode = await generate(root, [await complianceFile(root)], process.argv.includes('--check'));
  } catch (error) {
    if (!(error instanceof MusterError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
