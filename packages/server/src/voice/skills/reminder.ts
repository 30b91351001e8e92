import { formatWallTime } from '../reminders/wall-time.ts';
import { defineSkill, type Match } from './define.ts';
import { findMoment, type Moment } from './parse/moment.ts';
import { whenOf } from './say/time.ts';

interface NewReminder extends Match {
  /** null when no time was said. */
  readonly moment: Moment | null;
  /** '' when it was not said. */
  readonly label: string;
}

const REMIND = /^(?:remind|reminds|remined) (?:me|us) (.{2,200})$/;
const SET =
  /^(?:set|create|add|make|put|give me|i need)(?: me| up)? (?:an?|the|another)(?: new)? reminder(?: (.{2,200}))?$/;
const LEAD = /^(?:to|that|about|of|for|called|saying) (?:me to |us to )?/;

/** "my keys" as the device says it back. */
const TURNED: Readonly<Record<string, string>> = {
  my: 'your',
  me: 'you',
  i: 'you',
  mine: 'yours',
  myself: 'yourself',
  our: 'your',
  us: 'you',
  we: 'you',
};

export const skill = defineSkill({
  name: 'reminder',
  examples: ['Remind me to call mom in five minutes.', 'Remind me tomorrow at nine to take out the trash.'],
  match({ digits }, { now, timeZone }): NewReminder | null {
    const remind = REMIND.exec(digits);
    const set = SET.exec(digits);
    if (remind === null && set === null) return null;
    const body = remind?.[1] ?? set?.[1] ?? '';
    const moment = findMoment(body, { now, timeZone, unclear: 'awake' });
    // "Remind me of the good old days" asks for nothing that can be done.
    if (remind !== null && moment === null && !body.startsWith('to ')) return null;
    const rest = moment?.rest ?? body;
    const label = rest.replace(LEAD, '').replace(/\b(?:i am)\b/g, 'you are');
    return { score: 1, moment, label: label.replace(/\b\w+\b/g, (word) => TURNED[word] ?? word).trim() };
  },
  async run({ moment, label }, { callTool, now, timeZone }) {
    if (label === '') return 'What should I remind you of? Say, for example: remind me to call mom at five.';
    if (moment === null) return `When? Say, for example: remind me to ${label} in ten minutes.`;
    const when =
      moment.spanMs === null
        ? { localTime: formatWallTime(moment.at, timeZone) }
        : { seconds: Math.round(moment.spanMs / 1_000) };
    await callTool('set_reminder', { label, ...when });
    const at = whenOf(moment.at, now, timeZone);
    const on = /^\d/.test(at) ? 'at ' : at.startsWith('tomorrow') ? '' : 'on ';
    return `I will remind you ${on}${at}: ${label}.`;
  },
});
