import llamaTokenizer from 'llama-tokenizer-js';

/** Moonshine's special tokens; its other ids up to 31,999 are those of the Llama tokenizer. */
export const TOKEN = { begin: 1, end: 2 } as const;

const BYTE = /^<0x([0-9A-F]{2})>$/;
const WORD_START = /\u2581/g;

const pieces: readonly (string | number)[] = llamaTokenizer.vocabById.map((piece, id) => {
  if (id <= TOKEN.end) return '';
  const byte = BYTE.exec(piece)?.[1];
  return byte === undefined ? piece.replace(WORD_START, ' ') : Number.parseInt(byte, 16);
});

/** The words of token ids. Ids without a piece are left out; bytes that are not UTF-8 become U+FFFD. */
export function textOf(ids: readonly number[]): string {
  const parts: Buffer[] = [];
  for (const id of ids) {
    const piece = pieces[id];
    if (piece === undefined) continue;
    parts.push(typeof piece === 'number' ? Buffer.of(piece) : Buffer.from(piece, 'utf8'));
  }
  return Buffer.concat(parts).toString('utf8').trim();
}
