export { type SecretsConfig, secretsConfig } from './config.ts';
export type { Rotation, RotationState } from './rotation.ts';
export { type ColumnSeal, openVault, type SealedColumn, type Vault } from './vault.ts';
