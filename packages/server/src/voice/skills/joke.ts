import { JOKES, RIDDLES } from './data/jokes.data.ts';
import { defineSkill, type Match } from './define.ts';
import { ANOTHER, choose, wasLast } from './parse/choice.ts';

const JOKE =
  /^(?:tell|give|say|know|make|read|do you know|do you have|have you got|let us hear|i want to hear|i would like to hear)?(?: me| us)? ?(?:an?|another|some|one more|any|your best|the|a new)?(?: (?:good|funny|new|short|silly|different|kids|bad|dad))? ?jokes?(?: again)?$|^make (?:me|us) (?:laugh|smile)$|^(?:say|tell me) something funny$|^be funny$/;
const RIDDLE =
  /^(?:tell|give|ask|say)?(?: me| us)? ?(?:an?|another|one more|some|the)?(?: (?:good|new|easy))? ?riddles?$/;

export const skill = defineSkill({
  name: 'joke',
  examples: ['Tell me a joke.', 'Make me laugh.', 'Tell me a riddle.'],
  match({ words }, request): (Match & { readonly from: readonly string[] }) | null {
    if (JOKE.test(words)) return { score: 1, from: JOKES };
    if (RIDDLE.test(words)) return { score: 1, from: RIDDLES };
    if (!ANOTHER.test(words)) return null;
    const from = [JOKES, RIDDLES].find((texts) => wasLast(texts, request));
    return from === undefined ? null : { score: 1, from };
  },
  run: ({ from }, request) => ({ text: choose(from, request), emotion: 'laughing' }),
});
