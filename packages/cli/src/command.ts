import type { CliConfig } from './config.ts';
import type { Terminal } from './screen/terminal.ts';
import type { Api } from './server/api.ts';

/** A word that stands by itself, in the order of the table: `muster sites create NAME`. */
export interface Operand {
  readonly required: boolean;
  /** Takes all words that are left; only the last may. */
  readonly many?: boolean;
  readonly summary: string;
}

export interface Option {
  /** `text` and `number` take a value, `flag` does not. Numbers are whole and not negative. */
  readonly kind: 'text' | 'number' | 'flag';
  /** What stands for the value in the help. */
  readonly value?: string;
  /** The least and the greatest number that is taken; 0 and none without them. */
  readonly min?: number;
  readonly max?: number;
  readonly summary: string;
}

type Operands = Readonly<Record<string, Operand>>;
type Options = Readonly<Record<string, Option>>;

type OperandValue<O extends Operand> = O extends { readonly many: true }
  ? readonly string[]
  : O['required'] extends true
    ? string
    : string | undefined;
type OperandValues<A extends Operands> = { readonly [K in keyof A]: OperandValue<A[K]> };
type OptionValue<O extends Option> = O['kind'] extends 'flag'
  ? boolean
  : (O['kind'] extends 'number' ? number : string) | undefined;
type OptionValues<O extends Options> = { readonly [K in keyof O]: OptionValue<O[K]> };

/** What every command may use. */
export interface Context {
  readonly terminal: Terminal;
  readonly config: CliConfig;
  /** Machine output was asked for. */
  readonly json: boolean;
  /** The API of the server, signed in; throws SIGN_IN_REQUIRED before anything is sent. */
  signedIn(): Promise<Api>;
  /** The API of the server without a session: for signing in. */
  unsigned(server?: string): Promise<Api>;
}

/** One command as the table, the parser and the help see it. */
export interface Command {
  /** One or two words: `login`, `sites create`. */
  readonly name: string;
  readonly summary: string;
  readonly operands: Operands;
  readonly options: Options;
  readonly run: (
    operands: Readonly<Record<string, string | readonly string[] | undefined>>,
    options: Readonly<Record<string, string | number | boolean | undefined>>,
    context: Context,
  ) => Promise<void>;
}

/** Gives `run` the types that follow from the operands and options; they are what `parseCommandLine` checked. */
export function defineCommand<const A extends Operands, const O extends Options>(definition: {
  readonly name: string;
  readonly summary: string;
  readonly operands: A;
  readonly options: O;
  readonly run: (operands: OperandValues<A>, options: OptionValues<O>, context: Context) => Promise<void>;
}): Command {
  return definition as unknown as Command;
}
