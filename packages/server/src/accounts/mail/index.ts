export { type Facts, type Receiver, writeLetter } from './letters.ts';
export type { FactorChange, LetterKind } from './words.ts';
