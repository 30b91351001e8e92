export { readAllowed } from './addresses.ts';
export { createOutbound, type OutboundReply, type OutboundRequest } from './outbound.ts';
