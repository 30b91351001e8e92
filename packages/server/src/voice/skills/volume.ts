import type { ThinkRequest } from '../ports.ts';
import { defineSkill, type Match } from './define.ts';
import { readStatus, toolNamed } from './parse/device-status.ts';

type Change =
  | { readonly act: 'set'; readonly to: number }
  | { readonly act: 'step'; readonly by: number }
  | { readonly act: 'tell' };

const SOUND = '(?:the |your |my )?(?:volume|sound|speaker|speaker volume)';
const BY = '(?: by (?<by>\\d{1,3})(?: percent)?)?';
const BIT = '(?: a (?<little>little|bit|little bit|tad)| (?<much>a lot|much|way up|way down))?';
const PATTERNS: readonly (readonly [RegExp, 'set' | 'up' | 'down' | 'tell'])[] = [
  [
    new RegExp(
      `^(?:set|turn|change|put|make|adjust|bring) ?(?:up |down )?${SOUND}(?: level)?(?: up| down)? (?:to|at|2) (?<to>\\d{1,3})(?: percent)?$`,
    ),
    'set',
  ],
  [/^(?:the )?volume (?:to |at )?(?<to>\d{1,3})(?: percent)?$/, 'set'],
  [
    new RegExp(
      `^(?:set|turn|put) ${SOUND}(?: up)? (?:to |at )?(?<word>(?:the )?(?:max|maximum|full|highest|loudest|min|minimum|lowest|half|zero|middle|medium))(?: volume)?$`,
    ),
    'set',
  ],
  [/^(?<word>(?:max|maximum|full|half) )volume$/, 'set'],
  [/^turn it (?:all the way )?up to (?<word>max|maximum|full)$/, 'set'],
  [/^(?<mute>mute|silence|go silent)(?: (?:yourself|it|the volume|the sound|the speaker|the device))?$/, 'set'],
  [/^turn (?:off the (?:sound|volume)|the (?:sound|volume) off)(?<mute>)$/, 'set'],
  [/^(?<unmute>unmute|un mute)(?: (?:yourself|it|the volume|the sound|the speaker|the device))?$/, 'set'],
  [/^turn (?:on the (?:sound|volume)|the (?:sound|volume) (?:back )?on)(?<unmute>)$/, 'set'],
  [new RegExp(`^(?:turn|bring|put|move) ${SOUND} up${BIT}${BY}$`), 'up'],
  [new RegExp(`^(?:turn|bring) up ${SOUND}${BIT}${BY}$`), 'up'],
  [new RegExp(`^(?:increase|raise|boost) ${SOUND}${BIT}${BY}$`), 'up'],
  [
    new RegExp(
      `^(?:volume up|louder|turn it up|(?:speak|talk|be) (?:up|louder)|make it louder|a (?:little|bit|little bit) louder|(?:much )?louder)${BIT}${BY}$`,
    ),
    'up',
  ],
  [new RegExp(`^(?:turn|bring|put|move) ${SOUND} down${BIT}${BY}$`), 'down'],
  [new RegExp(`^(?:turn|bring) down ${SOUND}${BIT}${BY}$`), 'down'],
  [new RegExp(`^(?:decrease|lower|reduce) ${SOUND}${BIT}${BY}$`), 'down'],
  [
    new RegExp(
      `^(?:volume down|quieter|softer|turn it down|(?:speak|talk|be) (?:quieter|softer|more quietly)|make it (?:quieter|softer)|a (?:little|bit|little bit) (?:quieter|softer)|you are too loud|too loud)${BIT}${BY}$`,
    ),
    'down',
  ],
  [
    /^(?:what is |how loud is |how high is |tell me )?(?:the |your )(?:current )?volume(?: level| set to| right now| at)?$|^how loud are you$/,
    'tell',
  ],
];
const STEP = 10;
const WORDS: readonly (readonly [RegExp, number])[] = [
  [/max|full|highest|loudest/, 100],
  [/min|lowest|zero/, 0],
  [/half|mid|medium/, 50],
];
/** "Unmute" has to pick something: what was before is not known. */
const UNMUTED = 50;

export const skill = defineSkill({
  name: 'volume',
  examples: ['Turn the volume up.', 'Set the volume to fifty percent.', 'Mute.'],
  match({ digits }): (Match & Change) | null {
    for (const [pattern, kind] of PATTERNS) {
      const found = pattern.exec(digits);
      if (found !== null) return { score: 1, ...changeOf(kind, found.groups ?? {}) };
    }
    return null;
  },
  async run(change, request) {
    const tool = toolNamed(request.tools, 'set_volume');
    if (change.act !== 'set') {
      const now = (await readStatus(request))?.audio_speaker?.volume ?? null;
      if (now === null) return tool === null ? NO_VOLUME : "I can't see the volume. Tell me a number from 0 to 100.";
      if (change.act === 'tell') return `The volume is ${now} percent.`;
      return tool === null ? NO_VOLUME : set(tool.name, now + change.by, request, now);
    }
    if (change.to > 100) return 'The volume goes from 0 to 100.';
    return tool === null ? NO_VOLUME : set(tool.name, change.to, request, null);
  },
});

const NO_VOLUME = 'This device does not let me change its volume.';

function changeOf(kind: 'set' | 'up' | 'down' | 'tell', said: Readonly<Record<string, string | undefined>>): Change {
  if (kind === 'tell') return { act: 'tell' };
  if (kind === 'set') {
    if (said.mute !== undefined) return { act: 'set', to: 0 };
    if (said.unmute !== undefined) return { act: 'set', to: UNMUTED };
    const word = said.word;
    const to = word === undefined ? Number(said.to) : WORDS.find(([pattern]) => pattern.test(word))?.[1];
    return { act: 'set', to: to ?? UNMUTED };
  }
  const size =
    said.by !== undefined
      ? Number(said.by)
      : said.much !== undefined
        ? 3 * STEP
        : said.little !== undefined
          ? STEP / 2
          : STEP;
  return { act: 'step', by: kind === 'up' ? size : -size };
}

async function set(tool: string, wanted: number, { callTool }: ThinkRequest, before: number | null): Promise<string> {
  const volume = Math.min(100, Math.max(0, Math.round(wanted)));
  if (volume === before) return volume === 100 ? 'This is as loud as I get.' : 'This is as quiet as I get.';
  await callTool(tool, { volume });
  return volume === 0 ? 'Muted.' : `The volume is ${volume} percent.`;
}
