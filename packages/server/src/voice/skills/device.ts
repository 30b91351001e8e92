import type { ThinkRequest, ToolSpec } from '../ports.ts';
import { serverTools } from '../tools/index.ts';
import { defineSkill, type Heard, type Match } from './define.ts';
import { type DeviceStatus, readStatus, toolNamed } from './parse/device-status.ts';
import { matchTool, type ToolMatch, wordsOf } from './parse/tool-match.ts';

type Asked =
  | { readonly act: 'call'; readonly match: ToolMatch; readonly agreed: boolean }
  | { readonly act: 'status'; readonly part: 'battery' | 'network' | 'brightness' | 'temperature' };

/** A tool must fit this well: half of its name and all of the sentence. */
const CLEAR = 0.75;
/** Words in the name of a tool that may do harm: it is asked for twice. */
const HARM = new Set(
  'reboot restart shutdown shut poweroff reset erase format upgrade update delete remove unlock factory wipe clear'.split(
    ' ',
  ),
);
const STATUS: readonly (readonly [RegExp, 'battery' | 'network' | 'brightness' | 'temperature'])[] = [
  [
    /^(?:what is |how (?:much|full|high) is |how is |check |tell me |how much )?(?:the |your )?(?:battery|charge)(?: level| status| charge)?(?: is left| left| do you have| have you got| remaining)?$|^(?:are you|is it|is the (?:device|battery)) charging$/,
    'battery',
  ],
  [
    /^(?:what|which) (?:wifi|wi fi|network|wireless) (?:network )?(?:are you (?:on|connected to)|is it|are you using)$|^(?:how is |what is |check )(?:the |your )(?:wifi|wi fi|network|signal)(?: signal| connection| strength| like)?$|^are you (?:online|connected)$/,
    'network',
  ],
  [
    /^(?:what is |how high is )(?:the |your )(?:screen )?brightness$|^how bright (?:are you|is (?:the|your) screen)$/,
    'brightness',
  ],
  [/^(?:what is your temperature|how (?:hot|warm) are you)$/, 'temperature'],
];
/** Longest answer of a tool that is read out, characters. */
const READ_OUT = 200;

export const skill = defineSkill({
  name: 'device',
  examples: ['Set the brightness to 40.', 'How much battery is left?', 'Reboot the device.'],
  match(heard, request): (Match & Asked) | null {
    const part = STATUS.find(([pattern]) => pattern.test(heard.words))?.[1];
    if (part !== undefined && toolNamed(request.tools, 'get_device_status') !== null)
      return { score: 1, act: 'status', part };
    // The status is JSON: what people ask of it is told above.
    const tools = request.tools.filter(({ name }) => !serverTools.has(name) && !name.endsWith('get_device_status'));
    const agreed = agreedTool(heard, request, tools);
    if (agreed !== null) return { score: 1, act: 'call', match: agreed, agreed: true };
    const match = matchTool(heard.digits, tools);
    return match === null || match.score < CLEAR
      ? null
      : { score: 0.9 * match.score, act: 'call', match, agreed: false };
  },
  async run(asked, request) {
    if (asked.act === 'status') return told(asked.part, await readStatus(request));
    const { match, agreed } = asked;
    if (match.wrong !== null) return match.wrong;
    if (!agreed && wordsOf(match.tool.name).some((word) => HARM.has(word))) return question(match);
    return spoken(await request.callTool(match.tool.name, match.args));
  },
});

function question({ spoken }: ToolMatch): string {
  return `Should I really ${spoken}? Say: yes, ${spoken}.`;
}

/** "yes, reboot" always agrees; a "yes" alone does when the question was the last thing said. */
function agreedTool({ words, digits }: Heard, { history }: ThinkRequest, tools: readonly ToolSpec[]): ToolMatch | null {
  if (/^(?:yes|yeah|yep|sure|do it|yes do it|go ahead|confirm|yes please|of course)$/.test(words)) {
    const last = history.at(-1);
    if (last?.role !== 'assistant') return null;
    const asked = /^Should I really (.{1,80})\? Say: yes, \1\.$/.exec(last.text.trim())?.[1];
    return asked === undefined ? null : matchTool(asked, tools);
  }
  const named = /^(?:yes|yeah|yep|sure) (?:really |please )?(.{2,80})$/.exec(digits)?.[1];
  const match = named === undefined ? null : matchTool(named, tools);
  return match === null || match.score < CLEAR ? null : match;
}

function told(part: 'battery' | 'network' | 'brightness' | 'temperature', status: DeviceStatus | null): string {
  const { battery, network, screen, chip } = status ?? {};
  if (part === 'battery' && battery?.level !== undefined) {
    return `The battery is at ${battery.level} percent${battery.charging === true ? ' and charging' : ''}.`;
  }
  if (part === 'network' && network !== undefined) {
    const signal = network.signal === undefined ? '' : ` The signal is ${network.signal}.`;
    return `I am connected${network.ssid === undefined ? '' : ` to ${network.ssid}`}.${signal}`;
  }
  if (part === 'brightness' && screen?.brightness !== undefined)
    return `The brightness is ${screen.brightness} percent.`;
  if (part === 'temperature' && chip?.temperature !== undefined) return `My chip is at ${chip.temperature} degrees.`;
  return "The device doesn't tell me that.";
}

/** What the tool gave, when it is words; "Done." for true, numbers and JSON. */
function spoken(result: string): string {
  const text = result.trim();
  if (text === 'false') return "The device says that it didn't work.";
  const isWords = text.length <= READ_OUT && /\p{L}.*\s.*\p{L}/u.test(text) && !/[{}[\]<>]/.test(text);
  return isWords ? text : 'Done.';
}
