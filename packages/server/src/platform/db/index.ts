export * from './data-dir.ts';
export * from './database.ts';
export * from './embedded.ts';
export * from './migrate.ts';
export * from './transaction.ts';
