import type { ColumnSeal, Vault } from '../platform/vault/index.ts';

/** Keys with which devices prove who they are: the server needs them as they are, so they are sealed. */
export interface HmacKeys {
  /** Of an active device; told apart by the hardware id. */
  readonly device: ColumnSeal;
  /** Registered before its device knocked; by the serial number. */
  readonly registered: ColumnSeal;
  /** That a device gave away when it knocked; by hardware id and client id. */
  readonly candidate: ColumnSeal;
}

export function createHmacKeys(vault: Pick<Vault, 'column'>): HmacKeys {
  const column = 'hmac_key';
  const plain = 'plain_hmac_key';
  return {
    device: vault.column({ table: 'devices', column, key: ['hardware_id'], plain }),
    registered: vault.column({ table: 'device_keys', column, key: ['serial_number'], plain }),
    candidate: vault.column({ table: 'activations', column: 'key_candidate', key: ['hardware_id', 'client_id'] }),
  };
}
