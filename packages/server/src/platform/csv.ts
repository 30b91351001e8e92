/** Leading characters that make a spreadsheet run a cell as a formula; the wide ones are taken for them by some. */
const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/;

/**
 * A cell of a table (RFC 4180) that no spreadsheet runs: an apostrophe stands in front of what looks like a formula.
 * `isQuoted`: an empty text is quoted too, since a cell with nothing in it is no text.
 */
export function csvCell(text: string, isQuoted = false): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || (isQuoted && safe === '') ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Takes away the apostrophe that {@link csvCell} put in front. */
export function withoutCsvGuard(text: string): string {
  return text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
}
