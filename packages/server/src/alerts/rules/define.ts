import {
  type CommandState,
  faultsOf,
  MusterError,
  type PointValue,
  type Severity,
  type ValueKind,
} from '@muster/contract';
import type { Static, TObject } from 'typebox';
import { Value } from 'typebox/value';

/** What a rule may be woken by. `tick`: time passed, about once a second. */
export type Topic = 'points' | 'link' | 'commands' | 'refused' | 'events' | 'certificate' | 'tick';

/**
 * What happened to the subject of a rule. Lent for one call: the engine uses the object again, so a rule copies what it
 * keeps.
 */
export type RuleInput =
  | {
      readonly on: 'points';
      readonly series: string;
      readonly kind: ValueKind;
      /** When the device measured it, and when the server took it: epoch ms. */
      readonly at: number;
      readonly receivedAt: number;
      readonly value: PointValue;
      /** Measured long before it came: what a device sends that was cut off. Says nothing about now. */
      readonly late: boolean;
    }
  | { readonly on: 'link'; readonly connected: true }
  /** `expected`: the device need not have a connection; it is reached, or heard, without one. */
  | { readonly on: 'link'; readonly connected: false; readonly expected: boolean }
  | { readonly on: 'commands'; readonly state: CommandState; readonly name: string }
  | { readonly on: 'refused'; readonly code: string; readonly count: number }
  | { readonly on: 'events'; readonly name: string; readonly level: 'info' | 'warning' | 'error' }
  /** When the last of its certificates that hold ends, epoch ms; null: none holds. Said again every few minutes. */
  | { readonly on: 'certificate'; readonly endsAt: number | null }
  | { readonly on: 'tick' };

/** What is known of the subject when a rule begins to watch it. */
export interface Facts {
  /** Whether the device has a connection; null for a subject that has none, such as the server. */
  readonly connected: boolean | null;
  /** Whether it keeps a connection while it is on; null when it never had one. */
  readonly keepsConnection: boolean | null;
  /** Epoch ms; null when it was never seen. */
  readonly lastSeenAt: number | null;
  /** The newest point of a series that the server has, or null. Instants are epoch ms. */
  latest(series: string): { readonly at: number; readonly receivedAt: number; readonly value: PointValue } | null;
  /** When the server took the newest point of any series, epoch ms; null when there is none. */
  readonly lastPointAt: number | null;
}

export interface Firing {
  readonly firing: boolean;
}

export interface RuleDefinition<Params extends TObject, State extends Firing> {
  /** Lower case with hyphens; the name of its file. */
  readonly kind: string;
  readonly title: string;
  /** A closed TypeBox object; each member has a description, and a default unless it must be given. */
  readonly params: Params;
  readonly subscribes: readonly Topic[];
  /** Whether `init` asks for the newest points: reading those costs a query for each device. */
  readonly looksBack?: boolean;
  /** Whether it stands on the connection alone: asked of the database before anybody is told that time ran out. */
  readonly looksAtLink?: boolean;
  /** How grave it is when the person who made the rule did not say. */
  readonly severity: Severity;
  /** The series that the rule listens to; null: to every one. Only for rules that subscribe to points. */
  series?(params: Static<Params>): string | null;
  /** The state at the beginning; `kept` is what {@link keep} gave before a restart. */
  init(kept: State | null, facts: Facts, params: Static<Params>, now: number): State;
  /** The next state: the same object when nothing changed. Pure. */
  step(state: State, input: RuleInput, params: Static<Params>, now: number): State;
  /** What must survive a restart; null when it is as good as at the beginning. The whole state without this. */
  keep?(state: State): State | null;
  /** What is seen and the limit, for people: `temperature is 81; limit 80 for 5 min`. */
  fact(state: State, params: Static<Params>, now: number): string;
}

/** A rule as the engine sees it: params were checked, states are its own. */
export interface Rule {
  readonly kind: string;
  readonly title: string;
  readonly params: TObject;
  readonly subscribes: readonly Topic[];
  readonly looksBack?: boolean;
  readonly looksAtLink?: boolean;
  readonly severity: Severity;
  /** Params with defaults filled in. RULE_INVALID, which names what is wrong. */
  read(params: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  series(params: unknown): string | null;
  init(kept: Firing | null, facts: Facts, params: unknown, now: number): Firing;
  step(state: Firing, input: RuleInput, params: unknown, now: number): Firing;
  keep(state: Firing): Firing | null;
  fact(state: Firing, params: unknown, now: number): string;
}

/**
 * One kind of rule: `export const rule = defineRule<State>()({...})` in `alerts/rules/<kind>.ts`. Two calls, because the
 * state is named and the params follow from their schema.
 */
export function defineRule<State extends Firing>() {
  return <Params extends TObject>(definition: RuleDefinition<Params, State>): Rule => {
    const { kind, params: schema } = definition;
    return {
      ...(definition as unknown as Rule),
      series: (params) => definition.series?.(params as Static<Params>) ?? null,
      keep: definition.keep === undefined ? (state) => state : (state) => definition.keep?.(state as State) ?? null,
      read(given) {
        const params = Value.Default(schema, structuredClone(given));
        if (!Value.Check(schema, params)) {
          const faults = faultsOf(schema, Value.Errors(schema, params), 'params');
          throw new MusterError('RULE_INVALID', { kind }, { say: `${faults.join('; ')}.` });
        }
        return params as Readonly<Record<string, unknown>>;
      },
    };
  };
}
