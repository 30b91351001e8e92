/** One broken rule: where, which, and what to do about it. */
export interface Problem {
  readonly path: string;
  /** 0 when the whole file or folder is meant. */
  readonly line: number;
  readonly rule: string;
  readonly advice: string;
}

export function formatProblem({ path, line, rule, advice }: Problem): string {
  return `${path}${line > 0 ? `:${line}` : ''} ${rule} — ${advice}`;
}
