import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Issued {
  /** PEM, and the files that hold it. */
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** What was asked for, for what is issued below it. */
  readonly subject: string;
}

export interface Wanted {
  readonly subject: string;
  /** Signs itself without one. */
  readonly by?: Issued;
  readonly extensions?: readonly string[];
  readonly days?: number;
  /** As `openssl req` wants it; P-256 without it. */
  readonly newKey?: readonly string[];
  /** Uses this key instead of making one. */
  readonly keyFile?: string;
  readonly digest?: string;
}

export const AUTHORITY = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
export const CLIENT = [
  'basicConstraints=critical,CA:FALSE',
  'keyUsage=critical,digitalSignature',
  'extendedKeyUsage=clientAuth',
];
const P256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

/** Makes certificates of any kind, right ones and wrong ones, with the openssl command. */
export function createForge() {
  const folder = mkdtempSync(join(tmpdir(), 'muster-forge-'));
  const config = join(folder, 'openssl.cnf');
  // nothing that nobody asked for is added
  writeFileSync(config, '[req]\ndistinguished_name=dn\n[dn]\n');
  let made = 0;

  function issue({
    subject,
    by,
    extensions = CLIENT,
    days = 100,
    newKey = P256,
    keyFile: given,
    digest,
  }: Wanted): Issued {
    made += 1;
    const certFile = join(folder, `${made}.pem`);
    const keyFile = given ?? join(folder, `${made}.key`);
    const args = [
      'req',
      '-x509',
      '-config',
      config,
      '-subj',
      subject,
      '-days',
      String(days),
      '-nodes',
      '-out',
      certFile,
    ];
    args.push(...(given === undefined ? [...newKey, '-keyout', keyFile] : ['-key', keyFile]));
    if (by !== undefined) args.push('-CA', by.certFile, '-CAkey', by.keyFile);
    if (digest !== undefined) args.push(`-${digest}`);
    for (const extension of extensions) args.push('-addext', extension);
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 20_000 });
    const key = readFileSync(keyFile, 'utf8');
    return { cert: readFileSync(certFile, 'utf8'), key, certFile, keyFile, subject };
  }

  return {
    folder,
    issue,
    authority: (name: string, more: Partial<Wanted> = {}) =>
      issue({ subject: `/CN=${name}`, extensions: AUTHORITY, ...more }),
    device: (name: string, by: Issued, more: Partial<Wanted> = {}) => issue({ subject: `/CN=${name}`, by, ...more }),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
export type Forge = ReturnType<typeof createForge>;
