import { join } from 'node:path';
import { cliPage } from './docs/cli-page.ts';
import { errorsPage } from './docs/errors-page.ts';
import { type Generated, generate } from './freshness.ts';

/** The pages of docs/reference/ that code decides. */
export async function referencePages(): Promise<Generated[]> {
  return [
    { path: 'docs/reference/cli.md', text: cliPage() },
    { path: 'docs/reference/errors.md', text: errorsPage() },
  ];
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  process.exitCode = await generate(root, await referencePages(), process.argv.includes('--check'));
}
