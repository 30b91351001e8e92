/** Words wrong, missing and too many in `heard`, after case, punctuation and "Mr." are evened out. */
export function wordErrors(said: string, heard: string): { errors: number; words: number } {
  const expected = wordsOf(said);
  const actual = wordsOf(heard);
  let row = Array.from({ length: actual.length + 1 }, (_, column) => column);
  for (const [index, word] of expected.entries()) {
    const next = [index + 1];
    for (const [column, other] of actual.entries()) {
      const replaced = (row[column] ?? 0) + (word === other ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return { errors: row.at(-1) ?? 0, words: expected.length };
}

function wordsOf(text: string): string[] {
  return (
    text
      .toLowerCase()
      .replaceAll('mister', 'mr')
      .match(/[a-z0-9']+/g) ?? []
  );
}
