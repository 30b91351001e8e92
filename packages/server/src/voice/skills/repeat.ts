import { defineSkill, type Match } from './define.ts';

const AGAIN =
  /^(?:repeat(?: that| it| yourself| what you said| the last (?:thing|sentence|answer))?|say (?:that|it) (?:again|one more time|once more)|what did you (?:just )?say|what was that|pardon(?: me)?|come again|one more time|once more|again|i did not (?:hear|catch|get|understand) (?:that|you|it))(?: again)?$/;

export const skill = defineSkill({
  name: 'repeat',
  examples: ['Say that again.', 'What did you say?'],
  match: ({ words }): Match | null => (AGAIN.test(words) ? { score: 1 } : null),
  run: (_, { history }) =>
    history.findLast(({ role }) => role === 'assistant')?.text ?? "I haven't said anything that I remember.",
});
