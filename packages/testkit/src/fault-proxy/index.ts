export { type FaultProxy, type Faults as ProxyFaults, startFaultProxy } from './proxy.ts';
export type { DirectionFaults } from './pump.ts';
