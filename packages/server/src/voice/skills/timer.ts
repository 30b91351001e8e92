import { defineSkill, type Match } from './define.ts';
import { DURATION, parseDuration } from './parse/duration.ts';
import { durationOf } from './say/time.ts';

interface NewTimer extends Match {
  /** null when it was not said. */
  readonly ms: number | null;
  readonly label: string | null;
}

const SET = '(?:set|start|create|make|put|begin|run|add|give|i need|i want)?(?: me| up| on)?';
const LABEL = '[a-z]+(?: [a-z]+)?';
// Recognition writes "for" and "to" as the numbers that sound like them.
const FOR = '(?: for| to| of| at| with| 4| 2)?';
const NAMED = '(?: (?:for|called|named|labeled|for the|for my) (?<named>[a-z ]{1,60}))?';
const PATTERNS: readonly RegExp[] = [
  new RegExp(
    `^${SET}(?: ?an?| ?another| ?the| ?my| ?one)?(?: new)?(?: (?<label>${LABEL}))? ?timer${FOR} (?<span>${DURATION})${NAMED}$`,
  ),
  new RegExp(`^${SET}(?: ?an?| ?another| ?the)?(?: new)? ?(?<span>${DURATION})(?: (?<label>${LABEL}))? timer${NAMED}$`),
  new RegExp(`^(?:count down|countdown|time)(?: me)?(?: from| for)? (?<span>${DURATION})$`),
  new RegExp(`^(?:set|start|create|make)(?: me)? (?:an?|another|the|my)(?: new)?(?: (?<label>${LABEL}))? timer$`),
];
/** The tool's own limit. */
const MOST_MS = 604_800_000;
const NO_LABELS = new Set(['a', 'the', 'new', 'kitchen timer', 'up', 'my']);

export const skill = defineSkill({
  name: 'timer',
  examples: ['Set a timer for ten minutes.', 'Start a five minute pasta timer.'],
  match({ digits }): NewTimer | null {
    for (const pattern of PATTERNS) {
      const found = pattern.exec(digits)?.groups;
      if (found === undefined) continue;
      const ms = found.span === undefined ? null : parseDuration(found.span);
      const label = (found.label ?? found.named)?.trim().replace(/^(?:the|my|a|an) /, '') ?? '';
      return { score: 1, ms, label: label === '' || NO_LABELS.has(label) ? null : label };
    }
    return null;
  },
  async run({ ms, label }, { callTool }) {
    if (ms === null) return 'For how long? Say, for example: set a timer for ten minutes.';
    if (ms < 1_000) return 'A timer needs at least one second.';
    if (ms > MOST_MS) return 'A timer can run for a week at most. Ask me for a reminder instead.';
    await callTool('set_timer', { seconds: Math.round(ms / 1_000), ...(label === null ? {} : { label }) });
    return `${durationOf(ms)}${label === null ? '' : ` for ${label}`}. Your timer is running.`;
  },
});
