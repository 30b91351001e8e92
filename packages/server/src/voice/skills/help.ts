import { lines } from '../lines/index.ts';
import { defineSkill, type Match } from './define.ts';

const HELP =
  /^(?:help(?: me)?|what can (?:you|i) (?:do|say|ask)(?: you)?(?: here)?|what (?:are you able to do|do you do|else can you do|do you know|can i ask you|are your (?:skills|features|commands))|how do you work|how can you help(?: me)?|what are you good (?:at|for)|show me what you can do|tell me what you can do|what you can do)$/;
const ADD_MODEL =
  /^(?:how (?:do|can) (?:i|we|you) (?:add|set up|configure|connect|get|use) (?:a|an|the) (?:language model|model|ai model|l l m|llm)|do you have (?:a|an) (?:language model|model|llm|l l m)|are you (?:a|an) (?:language model|llm|l l m|large language model))$/;

export const skill = defineSkill({
  name: 'help',
  examples: ['What can you do?', 'Help.', 'How do I add a language model?'],
  match({ words }): (Match & { readonly model: boolean }) | null {
    if (HELP.test(words)) return { score: 1, model: false };
    return ADD_MODEL.test(words) ? { score: 1, model: true } : null;
  },
  run: ({ model }, { language }) =>
    model
      ? 'No, I have no language model yet. The person who runs this server can add one: set the base URL of a model server in the settings. Then I can answer anything that the model can.'
      : lines.say('help', language),
});
