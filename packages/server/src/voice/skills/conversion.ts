import { UNITS, type Unit } from './data/units.data.ts';
import { defineSkill, type Match } from './define.ts';
import { isRounded, numberOf } from './say/number.ts';

interface Conversion extends Match {
  readonly amount: number;
  readonly from: Unit;
  readonly to: Unit;
}

const unitOf: ReadonlyMap<string, Unit> = new Map(
  UNITS.flatMap((unit) => [unit.one.toLowerCase(), unit.many.toLowerCase(), ...unit.also].map((name) => [name, unit])),
);
const NAMES = [...unitOf.keys()].sort((a, b) => b.length - a.length).join('|');
const AMOUNT = '(?<sign>minus |negative )?(?<amount>\\d+(?:\\.\\d+)?|an?|half an?|half)';
const PATTERNS: readonly RegExp[] = [
  new RegExp(
    `^(?:convert |change |turn |translate |what is |what are |how much is |how much are |how long is |how far is |how heavy is |how hot is |how cold is |how warm is |how fast is |calculate )?${AMOUNT} (?:degrees (?=in|to))?(?<from>${NAMES}) (?:to|into|in|as|2|equals how many|is how many|are how many) (?<to>${NAMES})$`,
  ),
  new RegExp(
    `^how (?:many|much) (?<to>${NAMES}) (?:are |is |does |do |fit |make |makes )?(?:there |you have |equal )?(?:are |is )?(?:in |into |to |make |makes |equals? )?(?:up )?${AMOUNT} (?<from>${NAMES})(?: have| has| make| equal)?$`,
  ),
];
const KELVIN_ZERO = -273.15;

export const skill = defineSkill({
  name: 'conversion',
  examples: [
    'How many kilometers are in five miles?',
    'Convert 30 Celsius to Fahrenheit.',
    'What is two cups in milliliters?',
  ],
  match({ digits }): Conversion | null {
    for (const pattern of PATTERNS) {
      const { from: fromName = '', to: toName = '', amount = '', sign } = pattern.exec(digits)?.groups ?? {};
      const [from, to] = [unitOf.get(fromName), unitOf.get(toName)];
      if (from === undefined || to === undefined) continue;
      const size = amount.startsWith('half') ? 0.5 : /^\d/.test(amount) ? Number(amount) : 1;
      return { score: 1, amount: sign === undefined ? size : -size, from, to };
    }
    return null;
  },
  run({ amount, from, to }) {
    if (from.kind !== to.kind) {
      return `${capital(from.many)} measure ${from.kind}, and ${to.many} measure ${to.kind}. One can't become the other.`;
    }
    const inFirst = amount * from.factor + (from.offset ?? 0);
    if (from.kind === 'temperature' ? inFirst < KELVIN_ZERO - 1e-9 : amount < 0) return 'There is no such amount.';
    const value = tidy((inFirst - (to.offset ?? 0)) / to.factor);
    const decimals = Math.abs(value) >= 1_000 ? 1 : Math.abs(value) >= 1 ? 2 : 4;
    const about = isRounded(value, decimals) ? 'about ' : '';
    return `${capital(numberOf(amount))} ${named(amount, from)} is ${about}${numberOf(value, decimals)} ${named(value, to)}.`;
  },
});

/** Takes off the noise of floating point, such as 85.99999999999999. */
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}

function named(amount: number, unit: Unit): string {
  return amount === 1 ? unit.one : unit.many;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
