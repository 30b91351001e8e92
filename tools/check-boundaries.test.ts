import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { importsOf, scan } from './boundaries/tokens.ts';
import { checkBoundaries } from './check-boundaries.ts';

/** A repository in a temporary folder: path to text. */
async function withRepository(files: Record<string, string>, use: (root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'boundaries-'));
  try {
    for (const [path, text] of Object.entries({ ...MANIFESTS, ...files })) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    await use(root);
  } finally {
    await rm(root, { recursive: true });
  }
}

const MANIFESTS = Object.fromEntries(
  ['contract', 'server', 'cli', 'testkit', 'device'].map((name) => [
    `packages/${name}/package.json`,
    JSON.stringify({
      dependencies: { '@muster/contract': '1', '@muster/testkit': '1', '@muster/server': '1', ws: '1' },
    }),
  ]),
);

/** Each entry: what is wrong, the files, and the problems expected as `path:line rule`. */
const BROKEN: readonly [name: string, files: Record<string, string>, expected: readonly string[]][] = [
  [
    'a package that imports one above it',
    { 'packages/contract/src/a.ts': "// first\nimport type { X } from '@muster/server';\nexport type Y = X;\n" },
    ['packages/contract/src/a.ts:2 package-direction'],
  ],
  [
    'the command line knows the testkit and not the server',
    {
      'packages/cli/src/a.ts':
        "import '@muster/testkit';\nimport '@muster/contract';\nexport * from '@muster/server';\n",
    },
    ['packages/cli/src/a.ts:3 package-direction'],
  ],
  [
    'the testkit in product code of the server, but not in its testing door',
    {
      'packages/server/src/testing.ts': "import '@muster/testkit';\n",
      'packages/server/src/server.ts': "const kit = await import('@muster/testkit');\nexport { kit };\n",
    },
    ['packages/server/src/server.ts:1 package-direction'],
  ],
  [
    'another package by a path',
    { 'packages/cli/src/a.ts': "import { x } from '../../contract/src/index.ts';\nexport { x };\n" },
    ['packages/cli/src/a.ts:1 package-by-path'],
  ],
  [
    'a module that package.json does not name',
    { 'packages/server/src/platform/a.ts': "import { y } from 'left-pad/deep';\nimport 'ws';\nexport { y };\n" },
    ['packages/server/src/platform/a.ts:1 undeclared-module'],
  ],
  [
    'Node modules where browsers run',
    { 'packages/contract/src/a.ts': "import { join } from 'node:path';\nexport { join };\n" },
    ['packages/contract/src/a.ts:1 no-node'],
  ],
  [
    'an import without its ending',
    { 'packages/cli/src/a.ts': "import { x } from './b';\nexport { x };\n" },
    ['packages/cli/src/a.ts:1 import-extension'],
  ],
  [
    'a feature against the table, past a door, and towards the root',
    {
      'packages/server/src/sites/store.ts': [
        "import type { Devices } from '../devices/index.ts';",
        "import { can } from '../accounts/permissions.ts';",
        "import { can } from '../accounts/index.ts';",
        "import { db } from '../platform/db.ts';",
        "import { config } from '../config.ts';",
        '',
      ].join('\n'),
      'packages/server/src/platform/db.ts': "import '../accounts/index.ts';\n",
      'packages/server/src/server.ts':
        "import './sites/index.ts';\nimport './sites/store.ts';\nimport './gateway/xiaozhi/index.ts';\n",
      'packages/server/src/config.ts':
        "import './sites/config.ts';\nimport './gateway/xiaozhi/config.ts';\nimport './platform/db.ts';\n",
    },
    [
      'packages/server/src/platform/db.ts:1 feature-direction',
      'packages/server/src/server.ts:2 feature-door',
      'packages/server/src/sites/store.ts:1 feature-direction',
      'packages/server/src/sites/store.ts:2 feature-door',
      'packages/server/src/sites/store.ts:5 feature-direction',
    ],
  ],
  [
    'the environment outside config.ts',
    {
      'packages/cli/src/a.ts': 'export const home = process.env.HOME;\n',
      'packages/cli/src/config.ts': 'export const home = process.env.HOME;\n',
      'packages/cli/src/a.test.ts': 'export const home = process.env.HOME;\n',
    },
    ['packages/cli/src/a.ts:1 environment'],
  ],
  [
    'plain errors, empty catches and type checks that are off',
    {
      'packages/cli/src/a.ts': [
        "export function a() { throw new Error('x'); }",
        'try { a(); } catch {}',
        'try { a(); } catch (error) { /* nothing */ }',
        'Promise.resolve().catch(() => {});',
        'try { a(); } catch (error) { console.log(error); }',
        '// @ts-ignore',
        'export default a;',
        '',
      ].join('\n'),
    },
    [
      'packages/cli/src/a.ts:1 plain-error',
      'packages/cli/src/a.ts:2 empty-catch',
      'packages/cli/src/a.ts:3 empty-catch',
      'packages/cli/src/a.ts:4 empty-catch',
      'packages/cli/src/a.ts:6 type-check-off',
      'packages/cli/src/a.ts:7 default-export',
    ],
  ],
  [
    'test switches in both forms',
    {
      'packages/cli/src/a.test.ts': [
        "import { test } from 'node:test';",
        "test.only('a', () => a());",
        "test('b', { skip: true, timeout: 5 }, () => b());",
        "test('c', { timeout: 5 }, () => c({ skip: true }));",
        "test('d', { skip: recordingsMissing }, () => d());",
        "test('e', { todo: 'later' }, () => e());",
        '// @ts-expect-error wrong on purpose',
        '',
      ].join('\n'),
    },
    [
      'packages/cli/src/a.test.ts:2 test-switch',
      'packages/cli/src/a.test.ts:3 test-switch',
      'packages/cli/src/a.test.ts:6 test-switch',
    ],
  ],
  [
    'a file that is too long, unless it is generated or data',
    {
      'packages/cli/src/long.ts': '\n'.repeat(601),
      'packages/cli/src/long.gen.ts': '\n'.repeat(601),
      'packages/cli/src/long.data.ts': '\n'.repeat(601),
      'packages/cli/src/edge.ts': '\n'.repeat(600),
    },
    ['packages/cli/src/long.ts file-length'],
  ],
  [
    'a folder with too many sources; tests are not counted',
    Object.fromEntries([
      ...Array.from({ length: 16 }, (_, index) => [`packages/cli/src/many/f${index}.ts`, '']),
      ...Array.from({ length: 15 }, (_, index) => [`packages/cli/src/some/f${index}.ts`, '']),
      ['packages/cli/src/some/f1.test.ts', ''],
    ]),
    ['packages/cli/src/many folder-size'],
  ],
  [
    'names that say nothing',
    {
      'packages/cli/src/helpers/x.ts': '',
      'packages/cli/src/session-manager.ts': '',
      'packages/cli/src/realtime.ts': '',
      'tools/turn-v2.ts': '',
    },
    [
      'packages/cli/src/helpers empty-name',
      'packages/cli/src/session-manager.ts empty-name',
      'tools/turn-v2.ts empty-name',
    ],
  ],
];

for (const [name, files, expected] of BROKEN) {
  test(`finds ${name}`, async () => {
    await withRepository(files, async (root) => {
      const found = await checkBoundaries(root);
      assert.deepEqual(
        found.map(({ path, line, rule }) => `${path}${line > 0 ? `:${line}` : ''} ${rule}`).sort(),
        [...expected].sort(),
      );
      assert.ok(found.every(({ advice }) => advice.length > 0));
    });
  });
}

test('is not fooled by comments, strings, templates and regular expressions', () => {
  const source = [
    "// import 'no1'",
    "/* import 'no2' */",
    'const a = "import \'no3\'";',
    "const b = `import 'no4' @{`@{{ x: \"from 'no5'\" }.x}`} import 'no6'`;",
    "const c = /import 'no7'[/']/.test(a) ? 4 / 2 : 1 / 1;",
    "import { type D, from } from 'yes1';",
    'export { e } from "yes2";',
    "type F = import('yes3').F;",
    "import 'yes4';",
    "const g = x.from('no8');",
    "Array.from 'no9'",
  ]
    .join('\n')
    .replaceAll('@{', '$' + '{');
  assert.deepEqual(importsOf(scan(source)), [
    { specifier: 'yes1', line: 6 },
    { specifier: 'yes2', line: 7 },
    { specifier: 'yes3', line: 8 },
    { specifier: 'yes4', line: 9 },
  ]);
});
