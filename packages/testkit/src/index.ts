export * from './xiaozhi/index.ts';
