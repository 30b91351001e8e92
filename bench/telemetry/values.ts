/** What the simulated devices measure: the value follows from the number of the message, so that rows can be checked. */
export const SERIES = ['temperature', 'humidity', 'pressure'] as const;

export function measured(seq: number, index: number): number {
  return ((seq * 7 + index * 131) % 1_000) / 8;
}

/** The same in SQL, of the column `seq` and the index of the series. */
export function valueSql(index: string): string {
  return `((seq * 7 + ${index} * 131) % 1000) / 8.0`;
}
