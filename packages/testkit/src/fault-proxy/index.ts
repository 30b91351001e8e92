export { type FaultProxy, type Faults as ProxyFaults, startFaultProxy } from './proxy.ts';
