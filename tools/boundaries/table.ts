/**
 * Who may import whom. The one place where the dependency rule of docs/design/architecture.md, section 3, is data;
 * `tools/check-boundaries.ts` reads it. Tests may import anything and are not in here.
 */

/** Package (folder of `packages/`) to the packages it may import. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  profiles: ['contract'],
  adapters: ['contract'],
  testkit: ['contract', 'profiles'],
  server: ['contract', 'profiles', 'adapters'],
  device: ['contract', 'adapters'],
  dashboard: ['contract'],
  cli: ['contract', 'testkit'],
};

/** Packages that run in browsers too, so they may not import `node:` modules. */
export const WITHOUT_NODE: readonly string[] = ['contract', 'profiles', 'dashboard'];

/** One file that may import more than its package may. */
export const EXTRA: Readonly<Record<string, readonly string[]>> = {
  'packages/server/src/testing.ts': ['testkit'],
};

/** Feature (folder of `packages/server/src/`) to the features whose index.ts it may import. */
export const FEATURES: Readonly<Record<string, readonly string[]>> = {
  platform: [],
  accounts: [],
  gateway: [],
  sites: [],
  devices: ['sites'],
  telemetry: ['devices'],
  commands: ['devices'],
  alerts: ['telemetry', 'devices', 'commands'],
  voice: ['devices', 'commands', 'guardian'],
  guardian: ['sites', 'devices'],
  robots: ['devices', 'commands', 'telemetry', 'alerts'],
  audience: ['devices', 'telemetry'],
  updates: ['devices', 'commands'],
  operations: [],
};

/** Features that every other feature may import, besides its own row. `platform` is open file by file. */
export const SHARED_FEATURES: readonly string[] = ['accounts'];

/** Names that say nothing about what is inside. Compared with each part of a kebab-case file or folder name. */
export const EMPTY_NAMES: readonly string[] = [
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'manager',
  'base',
  'core',
  'misc',
  'v2',
  'enhanced',
  'unified',
  'real',
  'final',
];

/** Lines at which a file fails; data (`*.json`, `*.data.ts`) and generated files (`*.gen.ts`) are not counted. */
export const MAX_LINES = 600;
/** Source files in one folder; tests and generated files are not counted, folders with a generated index are exempt. */
export const MAX_FILES = 15;
