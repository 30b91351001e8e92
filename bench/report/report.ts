import type { Bench } from '../define.ts';

/** One run, as `--json` prints it. */
export interface BenchRun {
  readonly bench: string;
  /** Epoch ms */
  readonly at: number;
  readonly node: string;
  readonly cores: number;
  readonly figures: Readonly<Record<string, number>>;
  readonly beside: Readonly<Record<string, number>>;
  /** Figures that miss their goal. */
  readonly short: readonly string[];
}

/** The run as a table for people. */
export function formatRun(run: BenchRun, goals: Bench['goals']): string {
  const names = [...new Set([...Object.keys(run.figures), ...Object.keys(goals)])];
  const rows = names.map((name) => {
    const goal = goals[name];
    const value = run.figures[name];
    const beside = run.beside[name];
    return [
      name,
      value === undefined ? 'not measured' : number(value),
      goal === undefined
        ? ''
        : 'atMost' in goal
          ? `at most ${number(goal.atMost)}`
          : `at least ${number(goal.atLeast)}`,
      beside === undefined ? '' : number(beside),
      goal === undefined ? '' : run.short.includes(name) ? 'SHORT' : 'ok',
    ];
  });
  const all = [['figure', 'value', 'goal', 'beside', ''], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = all.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [`${run.bench} on ${run.cores} cores, ${run.node}`, ...lines].join('\n');
}

function number(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}
