import { MusterError } from '@muster/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/index.ts';
import { createGather } from '../../platform/gather.ts';
import type { Logger } from '../../platform/log.ts';
import type { Vault } from '../../platform/vault/index.ts';
import type { DeviceLinks } from '../links.ts';
import { type Clones, createClones } from './clones.ts';
import { createRotations, type Rotations } from './rotations.ts';
import { type CredentialTables, createCredentialStore, type EndedToken } from './store.ts';
import { createTokenUses } from './uses.ts';
import { createCredentialWatch } from './watch.ts';

/** What the wires do when tokens end: they hold the connections. */
export interface Ends {
  /** Forgets these tokens and closes what they opened here; called again for some time with the same. */
  tokens(ended: readonly EndedToken[]): void;
  /** Nothing of the device may stay open here. */
  device(ended: EndedToken & { readonly deviceId: string }): void;
}

/** With what devices sign in, besides certificates: how it is replaced, and how its end reaches every connection. */
export interface Credentials extends Rotations {
  /** DEVICE_DECOMMISSIONED when this is what is stored of a token of a device that is gone for good. */
  refuse(hash: string): Promise<void>;
  /** A device that was shut out as a clone is let in again, with the token that it has; nothing happens when it was not. */
  release(deviceId: string): Promise<void>;
  readonly clones: Pick<Clones, 'knocked' | 'proved'>;
  /** A token held: when it was used last is shown to people. Returns at once. */
  used(hash: string): void;
  /** Begins to look which tokens ended, here or at another server. */
  start(ends: Ends): void;
  stop(): Promise<void>;
}

export function createCredentials(deps: {
  readonly db: Database<CredentialTables>;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Logger;
  readonly vault: Pick<Vault, 'column'>;
  readonly links: DeviceLinks;
  readonly graceDays: number;
}): Credentials {
  const { bus, links } = deps;
  const store = createCredentialStore(deps.db);
  const decommissioned = createGather(store.decommissioned);
  const uses = createTokenUses({ ...deps, store });
  const rotations = createRotations({
    ...deps,
    store,
    seal: deps.vault.column({ table: 'token_rotations', column: 'sealed_token', key: ['rotation_id'] }),
    graceMs: deps.graceDays * 86_400_000,
  });
  let ends: Ends | null = null;
  let unsubscribe = (): void => undefined;
  const clones = createClones({ ...deps, store });
  const watch = createCredentialWatch({
    ...deps,
    store,
    onEnded(ended) {
      ends?.tokens(ended);
      for (const { hash, code } of ended) {
        for (const link of links.byCredential(hash)) link.close(code);
      }
    },
    onLook: clones.look,
    onDeviceEnded: (ended) => ends?.device(ended),
    onUntold(deviceIds) {
      for (const deviceId of deviceIds) rotations.tell(deviceId);
    },
  });

  return {
    ...rotations,
    async refuse(hash) {
      if ((await decommissioned(hash)) === true) throw new MusterError('DEVICE_DECOMMISSIONED');
    },
    async release(deviceId) {
      await store.release(deviceId);
    },
    clones,
    used: uses.note,
    start(given) {
      ends = given;
      unsubscribe = bus.subscribe('credentials.changed', ({ deviceId }) => rotations.tell(deviceId));
      watch.start();
    },
    async stop() {
      unsubscribe();
      clones.stop();
      await watch.stop();
      await uses.stop();
    },
  };
}
