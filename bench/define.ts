/** A promise about one figure: the bound it must keep. */
export type Goal = { readonly atMost: number } | { readonly atLeast: number };

export interface BenchOption {
  readonly default: number;
  readonly summary: string;
}

/** What a bench may use while it runs. */
export interface BenchContext<Options extends string = string> {
  readonly options: Readonly<Record<Options, number>>;
  /** Shows how far it is, for whoever waits. `total` is 0 when nobody knows. */
  progress(what: string, done?: number, total?: number): void;
  /** Aborted by Ctrl-C and at the time limit: stop, and clean up. */
  readonly signal: AbortSignal;
}

export interface BenchResult {
  /** Name with its unit (`firstAudioP50Ms`) to value. */
  readonly figures: Readonly<Record<string, number>>;
  /** The same of a peer, or a limit, for comparison. */
  readonly beside?: Readonly<Record<string, number>>;
}

export interface Bench<Options extends string = string> {
  /** The name of its file. */
  readonly name: string;
  readonly summary: string;
  readonly options?: Readonly<Record<Options, BenchOption>>;
  /** Figures that we promise; a figure with a goal that is not measured counts as missed. */
  readonly goals: Readonly<Record<string, Goal>>;
  run(context: BenchContext<Options>): Promise<BenchResult>;
}

/** `export const bench = defineBench({…})` in `bench/<name>.ts` is all it takes: `npm run bench -- <name>` finds it. */
export function defineBench<const Options extends string = never>(bench: Bench<Options>): Bench<Options> {
  return bench;
}

/** Names of the figures that miss their goal. */
export function missedGoals(goals: Bench['goals'], figures: BenchResult['figures']): string[] {
  return Object.entries(goals)
    .filter(([name, goal]) => {
      const value = figures[name];
      if (value === undefined || Number.isNaN(value)) return true;
      return 'atMost' in goal ? value > goal.atMost : value < goal.atLeast;
    })
    .map(([name]) => name);
}
