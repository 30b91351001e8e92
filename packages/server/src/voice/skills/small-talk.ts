import type { ThinkRequest } from '../ports.ts';
import { defineSkill, type Match, type Reply } from './define.ts';

type Answer = (request: ThinkRequest) => Reply;

/** Whole sentences only, and answers that claim no feelings or knowledge that are not there. */
const TALK: readonly (readonly [RegExp, Answer])[] = [
  [/^(?:hello|hi|hey|hello there|hi there|greetings|good (?:morning|afternoon|evening|day))(?: \w+)?$/, greeting],
  [
    /^(?:how are you(?: doing)?(?: today)?|how is it going|how do you do|how are things|are you ok(?:ay)?|what is up)$/,
    () => ({ text: 'All my parts are working, thank you. What can I do for you?', emotion: 'happy' }),
  ],
  [
    /^(?:who are you|what are you(?: called)?|what is your name|what are you called|tell me about yourself|introduce yourself|what should i call you|do you have a name)$/,
    ({ assistantName }) =>
      `I am ${assistantName}, a voice assistant. I work on your own server, with a fixed set of skills. Ask me what I can do.`,
  ],
  [
    /^(?:are you (?:a |an )?(?:real|human|person|alive|real person|robot|computer|machine|ai|artificial intelligence)(?: person)?|are you conscious|do you have feelings)$/,
    () => 'I am a computer program. I follow fixed rules, and I have no feelings.',
  ],
  [
    /^(?:who (?:made|built|created|invented|programmed) you|where do you come from|what are you made of|what software are you)$/,
    () => 'I am part of Muster, open software that runs voice devices on your own server.',
  ],
  [
    /^(?:where are you|where do you (?:live|run)|which device (?:is this|are you))$/,
    ({ deviceName }) => `This device is called ${deviceName}. The rest of me runs on your server.`,
  ],
  [
    /^(?:are you (?:there|listening|awake|ready)|(?:do you )?hear me|can you hear me|test(?:ing)?(?: test(?:ing)?)*|testing 1 2 3|you there|is this (?:thing )?on)$/,
    () => ({ text: 'Yes, I hear you.', emotion: 'happy' }),
  ],
  [
    /^(?:do you (?:record|store|save|keep) (?:me|us|this|audio|my (?:voice|words)|what i say)|are you (?:recording|spying)(?: on)?(?: me| us| this)?)$/,
    () => 'Sound is never stored. Whether words are kept is set on your server, for each site.',
  ],
  [
    /^(?:thank you|thanks|thank you (?:so|very) much|thanks a lot|many thanks|cheers|much appreciated)(?: \w+)?$/,
    () => ({ text: "You're welcome.", emotion: 'happy' }),
  ],
  [
    /^(?:good job|well done|nice|great|cool|awesome|perfect|you are (?:great|awesome|funny|nice|smart|the best))$/,
    () => ({ text: 'Thank you.', emotion: 'happy' }),
  ],
  [/^(?:sorry|i am sorry|my bad)$/, () => "That's all right."],
  [
    /^(?:good ?bye|bye|bye bye|see you(?: later| soon| tomorrow)?|good night|that is all|that will be all|i am done)(?: \w+)?$/,
    () => ({ text: 'Goodbye.', emotion: 'relaxed' }),
  ],
  [
    /^(?:stop|stop it|stop talking|stop that|be quiet|quiet|silence please|shut up|hush|enough|that is enough|never ?mind|forget it|cancel|cancel that|nothing|no thanks|no thank you|leave it|do not worry|go away)$/,
    () => 'Okay.',
  ],
];

export const skill = defineSkill({
  name: 'small-talk',
  examples: ['Hello.', 'Who are you?', 'Can you hear me?', 'Thank you.', 'Stop.'],
  match({ digits }): (Match & { readonly answer: Answer }) | null {
    const found = TALK.find(([pattern]) => pattern.test(digits));
    return found === undefined ? null : { score: 0.95, answer: found[1] };
  },
  run: ({ answer }, request) => answer(request),
});

function greeting({ now, timeZone }: ThinkRequest): Reply {
  const hour = Number(new Intl.DateTimeFormat('en-US', { timeZone, hour: 'numeric', hourCycle: 'h23' }).format(now));
  const part = hour < 5 || hour >= 18 ? 'Good evening' : hour < 12 ? 'Good morning' : 'Good afternoon';
  return { text: `${part}. What can I do for you?`, emotion: 'happy' };
}
