export * from './conformance/index.ts';
export * from './fakes/openai.ts';
export * from './recordings/human-recordings.ts';
export * from './recordings/word-errors.ts';
export * from './stubs/voice.ts';
export * from './virtual-clock.ts';
export * from './xiaozhi/index.ts';
