export { siteRoutes } from './routes.ts';
export { createSites, type Sites, type SitesDeps } from './sites.ts';
