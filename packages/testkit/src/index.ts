export * from './conformance/index.ts';
export * from './fakes/openai.ts';
export * from './xiaozhi/index.ts';
