export type { Clones } from './clones.ts';
export { type Credentials, createCredentials } from './credentials.ts';
export { createRotationJobs, rotationJobRoutes } from './jobs/index.ts';
export { credentialRoutes } from './routes.ts';
export type { CredentialTables } from './store.ts';
