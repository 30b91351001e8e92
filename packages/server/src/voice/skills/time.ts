import type { ThinkRequest } from '../ports.ts';
import { defineSkill, type Heard, type Match } from './define.ts';
import { findMoment } from './parse/moment.ts';
import { findPlace } from './parse/places.ts';
import { dayOf, daysAhead, timeOfDay } from './say/time.ts';

type Asked =
  | { readonly what: 'time' | 'date'; readonly place: string | null }
  | { readonly what: 'year' | 'month' }
  | { readonly what: 'day' | 'daysUntil'; readonly name: string; readonly at: number };

const NOW = '(?: right now| now| today| at the moment| here)?';
const PLACE = '(?: (?:is it |it is )?(?:in|at|for) ([\\p{L} ]{2,30}?))?';
const TIME = new RegExp(
  `^(?:tell me |give me |say )?(?:what (?:time (?:is it|it is)|is (?:the |the current |the exact |the local |current )time|time (?:do we have|have you got))|(?:the )?(?:current |local )?time)${PLACE}${NOW}$`,
  'u',
);
const DATE = new RegExp(
  `^(?:tell me |give me |say )?(?:what (?:is )?(?:the |todays |is todays )?(?:current )?(?:date|day)(?: of the (?:week|month))?(?: is (?:it|today)| it is)?|what is today|what (?:date|day) (?:do we have|have we got)|(?:the |todays )(?:current )?date)${PLACE}${NOW}$`,
  'u',
);
const YEAR_OR_MONTH = /^(?:tell me )?(?:what|which) (year|month) (?:is it|it is|are we in|do we have)(?: now)?$/;
const DAY =
  /^(?:what|which) (?:day|date|weekday|day of the week) (?:is it|is|will it be|will be|was|falls on) (?:on )?(.{3,40})$/;
const DAYS_UNTIL =
  /^how (?:many days|long) (?:is it |are there |are left |left |is left )?(?:until|till|to|before) (.{3,40})$/;
/** Days with a name whose date is the same every year. */
const FEASTS: Readonly<Record<string, string>> = {
  christmas: 'december 25',
  'christmas day': 'december 25',
  'christmas eve': 'december 24',
  'new year': 'january 1',
  'new years': 'january 1',
  'new years day': 'january 1',
  'new years eve': 'december 31',
  halloween: 'october 31',
  'valentines day': 'february 14',
};

export const skill = defineSkill({
  name: 'time',
  examples: ['What time is it?', 'What time is it in Tokyo?', "What's the date?", 'How many days until Christmas?'],
  match(heard, request): (Match & Asked) | null {
    const asked = placeAsked(heard) ?? dayAsked(heard, request);
    return asked === null ? null : { score: 1, ...asked };
  },
  run(asked, { now, timeZone }) {
    switch (asked.what) {
      case 'year':
        return `It's ${new Intl.DateTimeFormat('en-US', { timeZone, year: 'numeric' }).format(now)}.`;
      case 'month':
        return `It's ${new Intl.DateTimeFormat('en-US', { timeZone, month: 'long' }).format(now)}.`;
      case 'day':
        return `${capital(asked.name)} is ${dayOf(asked.at, timeZone, true)}.`;
      case 'daysUntil':
        return untilOf(asked.name, daysAhead(asked.at, now, timeZone));
      default:
        return asked.place === null ? here(asked.what, now, timeZone) : there(asked.what, asked.place, now, timeZone);
    }
  },
});

function placeAsked({ words }: Heard): Asked | null {
  for (const [what, pattern] of [
    ['time', TIME],
    ['date', DATE],
  ] as const) {
    const found = pattern.exec(words);
    if (found !== null) return { what, place: found[1] ?? null };
  }
  const found = YEAR_OR_MONTH.exec(words);
  return found === null ? null : { what: found[1] === 'year' ? 'year' : 'month' };
}

/** Only a day that can be worked out counts: "what day is my birthday" is for someone else. */
function dayAsked({ digits }: Heard, { now, timeZone }: ThinkRequest): Asked | null {
  const day = DAY.exec(digits);
  const until = DAYS_UNTIL.exec(digits);
  const name = day?.[1] ?? until?.[1];
  if (name === undefined) return null;
  const moment = findMoment(FEASTS[name] ?? name, { now, timeZone, unclear: 'awake' });
  if (moment === null || moment.rest !== '' || moment.spanMs !== null) return null;
  return { what: day === null ? 'daysUntil' : 'day', name, at: moment.at };
}

function here(what: 'time' | 'date', now: number, timeZone: string): string {
  return what === 'time' ? `It's ${timeOfDay(now, timeZone)}.` : `It's ${dayOf(now, timeZone, true)}.`;
}

function there(what: 'time' | 'date', text: string, now: number, homeZone: string): string {
  const place = findPlace(text);
  if (place === null) return `I don't know the time zone of ${text}. Ask me for a big city nearby.`;
  if (place.kind === 'wide')
    return `There are several time zones in ${place.name}. Ask me for a city, such as ${place.ask}.`;
  if (what === 'date') return `In ${place.name} it's ${dayOf(now, place.timeZone, true)}.`;
  // The day there is said only when it is another one than here.
  const day = dayOf(now, place.timeZone);
  const otherDay = day === dayOf(now, homeZone) ? '' : ` on ${day}`;
  return `In ${place.name} it's ${timeOfDay(now, place.timeZone)}${otherDay}.`;
}

function untilOf(name: string, days: number): string {
  if (days <= 0) return `${capital(name)} is today.`;
  return days === 1 ? `${capital(name)} is tomorrow.` : `It's ${days} days until ${capital(name)}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
