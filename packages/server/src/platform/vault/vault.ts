import { join } from 'node:path';
import { codeOf, MusterError } from '@muster/contract';
import type { Pool } from 'pg';
import type { Logger } from '../log.ts';
import type { SecretsConfig } from './config.ts';
import { newestOf, newKey, parseKey, readKeyFile, type SealingKey, writeKeyFile } from './keys.ts';
import { createRotation, type Rotation } from './rotation.ts';
import { openWith, sealWith } from './seal.ts';

/** A column of sealed values. `key` names the columns that tell its rows apart: they are part of each value's purpose. */
export interface SealedColumn {
  readonly table: string;
  readonly column: string;
  readonly key: readonly string[];
  /** A column whose values are from before there was a vault: they are sealed at the start, and emptied. */
  readonly plain?: string;
}

/** Values of one column. `of` are the values of its key, in order. */
export interface ColumnSeal {
  seal(plain: string | Uint8Array, of: readonly string[]): Buffer;
  /** SECRET_UNREADABLE. */
  open(sealed: Uint8Array, of: readonly string[]): Buffer;
}

/** Secrets at rest. Whoever reads the database without the key learns none of them. */
export interface Vault {
  /** A column that a feature keeps secrets in; named once, so that a new key reaches it. */
  column(column: SealedColumn): ColumnSeal;
  /** A secret of the whole server: made by `make` when there is none yet. Servers of one database agree on it. */
  secret(name: string, make: () => string | Uint8Array): Promise<Buffer>;
  /** Call it when every feature has named its columns: seals what is still plain, and goes on with a new key. */
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly rotation: Rotation;
}

export const purposeOf = ({ table, column }: SealedColumn, of: readonly string[]): string =>
  `${table}.${column}:${of.join(' ')}`;

const SECRETS: SealedColumn = { table: 'server_secrets', column: 'sealed', key: ['name'] };
/** What only a right key opens: a server with a wrong one must not start. */
const PROBE = 'probe';
/** Longer than a query waits for its connection (10 s): a value sealed before a new key came is in the database by then. */
const SETTLE_MS = 15_000;

/** CONFIG_INVALID when the key is missing or wrong and something was sealed already: a new key could not open it. */
export async function openVault(deps: {
  readonly pool: Pool;
  readonly dataDir: string;
  readonly config: SecretsConfig;
  readonly log: Logger;
  /** Other servers may use the same database: then only the operator can change the key, in the configuration of all. */
  readonly isShared: boolean;
  /** How long an old key is kept after nothing needs it, ms. */
  readonly settleMs?: number;
}): Promise<Vault> {
  const { pool, config, log } = deps;
  const file = config.key === undefined ? (config.keyFile ?? join(deps.dataDir, 'secrets.key')) : null;
  const columns: SealedColumn[] = [SECRETS];
  let keys = await readKeys(config, file);
  if (keys.length === 0 && file !== null) {
    if (await isSealed(pool)) throw missing(`The key of the secrets in the database is missing: there is no ${file}.`);
    const made = [newKey()];
    const isOurs = await writeKeyFile(file, made, true);
    keys = isOurs ? made : ((await readKeyFile(file)) ?? []);
    if (isOurs) log.info({ file }, 'made the key of secrets; keep a copy of it apart from the database');
  }
  const newest = (): SealingKey => newestOf(keys);

  function sealOf(column: SealedColumn): ColumnSeal {
    return {
      seal: (plain, of) => sealWith(newest(), plain, purposeOf(column, of)),
      open: (sealed, of) => openWith(keys, sealed, purposeOf(column, of)),
    };
  }
  const secrets = sealOf(SECRETS);

  async function secret(name: string, make: () => string | Uint8Array): Promise<Buffer> {
    const find = async (): Promise<Buffer | undefined> => {
      const { rows } = await pool.query<{ sealed: Buffer }>('SELECT sealed FROM server_secrets WHERE name = $1', [
        name,
      ]);
      return rows[0]?.sealed;
    };
    let sealed = await find();
    if (sealed === undefined) {
      await pool.query('INSERT INTO server_secrets (name, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
        name,
        secrets.seal(make(), [name]),
      ]);
      sealed = await find();
    }
    if (sealed === undefined) throw new MusterError('INTERNAL', { name });
    return secrets.open(sealed, [name]);
  }

  await secret(PROBE, () => PROBE).catch((cause: unknown) => {
    if (codeOf(cause) !== 'SECRET_UNREADABLE') throw cause;
    throw missing('The key of the secrets in the database is another one than this server has.', cause);
  });

  const rotation = createRotation({
    pool,
    log,
    columns,
    settleMs: deps.settleMs ?? SETTLE_MS,
    keys: () => keys,
    // a key of the environment is everybody's: only the operator can change it
    add: file === null || deps.isShared ? null : async () => keep([newKey(), ...keys]),
    keepNewest: async () => {
      if (file !== null) await keep([newest()]);
    },
  });
  async function keep(next: readonly SealingKey[]): Promise<void> {
    if (file !== null) await writeKeyFile(file, next);
    keys = [...next];
  }

  return {
    column(column) {
      columns.push(column);
      return sealOf(column);
    },
    secret,
    async start() {
      await rotation.sealPlain();
      if (keys.length > 1) rotation.resume();
    },
    stop: () => rotation.stop(),
    rotation,
  };
}

async function readKeys(config: SecretsConfig, file: string | null): Promise<SealingKey[]> {
  if (config.key === undefined) return file === null ? [] : ((await readKeyFile(file)) ?? []);
  const before = (config.previousKeys ?? '').split(',').filter((text) => text.trim() !== '');
  return [parseKey(config.key, 'secrets.key'), ...before.map((text) => parseKey(text, 'secrets.previousKeys'))];
}

async function isSealed(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query('SELECT FROM server_secrets LIMIT 1');
  return rows.length > 0;
}

function missing(what: string, cause?: unknown): MusterError {
  const say = `${what} Without the right key, secrets of devices and notifiers cannot be read. Restore it from your copy, or set secrets.key (and secrets.previousKeys).`;
  return new MusterError('CONFIG_INVALID', {}, { cause, say });
}
