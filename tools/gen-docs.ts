import { join } from 'node:path';
import { profiles } from '@muster/profiles';
import { configSchema } from '../packages/server/src/config.ts';
import { listSettings } from '../packages/server/src/platform/settings.ts';
import { cliPage } from './docs/cli-page.ts';
import { configPage } from './docs/config-page.ts';
import { deviceApiPage } from './docs/device-api-page.ts';
import { errorsPage } from './docs/errors-page.ts';
import { httpPage } from './docs/http-page.ts';
import { licencesPage } from './docs/licences-page.ts';
import { livePage } from './docs/live-page.ts';
import { openApi } from './docs/openapi.ts';
import { permissionsPage } from './docs/permissions-page.ts';
import { profilesPage } from './docs/profiles-page.ts';
import { type Generated, generate } from './freshness.ts';
import { readLockfile } from './release/lockfile.ts';

/** The pages of docs/reference/ that code decides. */
export async function referencePages(): Promise<Generated[]> {
  const api = await openApi();
  return [
    { path: 'docs/reference/cli.md', text: cliPage() },
    { path: 'docs/reference/config.md', text: configPage(listSettings(configSchema)) },
    { path: 'docs/reference/device-api.md', text: deviceApiPage(listSettings(configSchema)) },
    { path: 'docs/reference/errors.md', text: errorsPage() },
    { path: 'docs/reference/http-api.md', text: httpPage(api) },
    { path: 'docs/reference/licences.md', text: licencesPage(await readLockfile(join(import.meta.dirname, '..'))) },
    { path: 'docs/reference/live-feed.md', text: livePage() },
    { path: 'docs/reference/permissions.md', text: permissionsPage(api) },
    { path: 'docs/reference/profiles.md', text: profilesPage(profiles.values()) },
  ];
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  process.exitCode = await generate(root, await referencePages(), process.argv.includes('--check'));
}
