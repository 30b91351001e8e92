export { FAULTS, type Fault, type ProviderSubject } from './case.ts';
export * from './llm.ts';
export * from './notifier.ts';
export * from './openai-subject.ts';
export * from './stt.ts';
export * from './tts.ts';
export * from './vad.ts';
