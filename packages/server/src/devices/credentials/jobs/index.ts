export { createRotationJobs, type RotationJobs } from './jobs.ts';
export { rotationJobRoutes } from './routes.ts';
