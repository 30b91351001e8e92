import { STORIES } from './data/stories.data.ts';
import { defineSkill, type Match } from './define.ts';
import { ANOTHER, choose, wasLast } from './parse/choice.ts';

const STORY =
  /^(?:tell|read|give|do you know|do you have|i want to hear|i would like to hear|let us hear|i want)?(?: me| us| the kids)? ?(?:an?|another|some|one more|any|the)?(?: (?:good|short|new|nice|little|different|bed ?time|funny|night))* ?(?:bed ?time )?(?:story|stories|fairy tale|tale)(?: again)?$/;

export const skill = defineSkill({
  name: 'story',
  examples: ['Tell me a story.', 'Read us a bedtime story.'],
  match({ words }, request): Match | null {
    return STORY.test(words) || (ANOTHER.test(words) && wasLast(STORIES, request)) ? { score: 1 } : null;
  },
  run: (_, request) => ({ text: choose(STORIES, request), emotion: 'relaxed' }),
});
