export { type Certificates, createCertificates } from './certificates.ts';
export { certificateRoutes } from './routes.ts';
