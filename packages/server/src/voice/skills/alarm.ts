import { formatWallTime } from '../reminders/wall-time.ts';
import { defineSkill, type Match } from './define.ts';
import { findMoment, type Moment } from './parse/moment.ts';
import { whenOf } from './say/time.ts';

interface NewAlarm extends Match {
  /** null when no time was said. */
  readonly moment: Moment | null;
  readonly label: string | null;
}

const WAKE = /^wake (?:me|us)(?: up)? (.{2,80})$/;
const SET =
  /^(?:set|create|make|put|add|start|i need|give me)?(?: me| up)? ?(?:an?|the|my|another)?(?: new)? ?alarm(?: clock)?(?: (?:for|at|to|on|2|4))? (.{1,80})$/;
const SET_BEFORE =
  /^(?:set|create|make|add)(?: me| up)? (?:an?|the|my|another) (.{1,40}) alarm(?: (?:called|named|for) (.{1,60}))?$/;
const NO_TIME =
  /^(?:set|create|make|add)(?: me| up)? (?:an?|the|my|another)(?: new)? alarm(?: clock)?$|^wake (?:me|us) up$/;
const LABEL = /^(?:called|named|labeled|for|to|with the name) (.{1,60})$/;

export const skill = defineSkill({
  name: 'alarm',
  examples: ['Set an alarm for seven thirty.', 'Wake me up at six tomorrow.'],
  match({ digits }, { now, timeZone }): NewAlarm | null {
    if (NO_TIME.test(digits)) return { score: 1, moment: null, label: null };
    const wake = WAKE.exec(digits);
    const set = wake ?? SET.exec(digits) ?? SET_BEFORE.exec(digits);
    if (set === null) return null;
    const text = /^\d{1,2}(?: \d{2})?$/.test(set[1] ?? '') ? `at ${set[1]}` : (set[1] ?? '');
    const moment = findMoment(text, { now, timeZone, unclear: wake === null ? 'next' : 'morning' });
    if (moment === null) return null;
    const label = set[2] ?? LABEL.exec(moment.rest)?.[1] ?? null;
    // Words that are neither the time nor a name: something else is meant.
    return label === null && moment.rest !== '' ? null : { score: 1, moment, label };
  },
  async run({ moment, label }, { callTool, now, timeZone }) {
    if (moment === null) return 'For what time? Say, for example: set an alarm for seven thirty.';
    const when =
      moment.spanMs === null
        ? { localTime: formatWallTime(moment.at, timeZone) }
        : { seconds: Math.round(moment.spanMs / 1_000) };
    await callTool('set_alarm', { ...when, ...(label === null ? {} : { label }) });
    return `Your alarm is set for ${whenOf(moment.at, now, timeZone)}.`;
  },
});
