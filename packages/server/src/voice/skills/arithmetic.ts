import { defineSkill, type Match } from './define.ts';
import { type Sum, workOut } from './parse/arithmetic.ts';
import { isRounded, numberOf } from './say/number.ts';

const OPENING =
  /^(?:what is|what are|what does|how much is|how much are|calculate|compute|work out|solve|tell me) (?:the value of )?/;
const CLOSING = / (?:equals|equal|is|make|makes)(?: what)?$|=$/;

export const skill = defineSkill({
  name: 'arithmetic',
  examples: ['What is twelve times seven?', 'What is 15 percent of 80?', 'What is the square root of 144?'],
  match({ digits }): (Match & { readonly sum: Sum }) | null {
    const sum = workOut(digits.replace(OPENING, '').replace(CLOSING, ''));
    return sum === null ? null : { score: 1, sum };
  },
  run({ sum }) {
    if (sum.kind === 'impossible') return sum.why;
    return `That's ${isRounded(sum.value) ? 'about ' : ''}${numberOf(sum.value)}.`;
  },
});
