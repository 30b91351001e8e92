export * from './data-dir.ts';
export * from './database.ts';
export * from './embedded.ts';
export * from './migrate.ts';
export * from './transaction.ts';
export { afterCommit, inOneUnit, inUnit, openUnit, outsideUnit, type UnitOfWork } from './unit-of-work.ts';
