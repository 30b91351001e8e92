export { type LiveConfig, liveConfig } from './config.ts';
export { createLiveGateway, type LiveGateway } from './gateway.ts';
export type { LiveInbox, LiveItem, LiveViewer } from './inbox.ts';
