import { Value } from 'typebox/value';
import type { ThinkRequest } from '../ports.ts';
import { instantOf, parseWallTime } from '../reminders/wall-time.ts';
import { ReminderReplies, type ReminderReply } from '../tools/reminder-json.ts';
import { defineSkill, type Match } from './define.ts';
import { durationOf, listOf, timeOfDay, whenOf } from './say/time.ts';

type Kind = ReminderReply['kind'];

interface Wanted extends Match {
  readonly act: 'list' | 'cancel';
  readonly kind: Kind;
  readonly all: boolean;
  /** Words that tell which one is meant; '' when none were said. */
  readonly which: string;
}

const KIND = '(?<kind>timer|alarm|reminder)';
const LIST: readonly RegExp[] = [
  new RegExp(
    `^(?:what|which) (?:are )?(?:my |the )?${KIND}s?(?: (?:do i have|are there|are set|are running|have i set|are active))?$`,
  ),
  new RegExp(`^(?:do i have|are there|have i set|is there) (?:any |an? )?(?:\\w+ )?${KIND}s?(?: set| running)?$`),
  new RegExp(`^(?:list|show|read|check|tell me|what about)(?: me)? ?(?:all )?(?:of )?(?:my |the )?${KIND}s?$`),
  new RegExp(
    `^(?:how much (?:time|longer)|how long|how many minutes)(?: is| are| does| do i have| left| remaining| to go)*(?: on| for| of| in)?(?: the| my)?(?: (?<which>[a-z ]{1,40}?))? ${KIND}(?: have)?(?: left)?$`,
  ),
  new RegExp(
    `^(?:when|what time) (?:is|does|will) (?:my |the )?(?:next )?${KIND}(?: go off| ring| set| set for| end| be done)?$`,
  ),
];
const REMAINING = /^how (?:much (?:time|longer)|long) (?:is |do i have )?(?:left|remaining)$/;
const CANCEL = new RegExp(
  `^(?:cancel|stop|delete|remove|clear|turn off|switch off|dismiss|end|kill|get rid of)(?<all> all| every)?(?: of)?(?: my| the| that| this)?(?: (?<which>[a-z0-9 ]{1,40}?))? ${KIND}(?<many>s)?(?: (?:for|to|about|called|named|at|of) (?<detail>.{1,80}))?$`,
);
const MOST_TOLD = 5;

export const skill = defineSkill({
  name: 'my-reminders',
  examples: ['What timers do I have?', 'How much time is left on my timer?', 'Cancel the pasta timer.'],
  match({ digits }): Wanted | null {
    for (const pattern of LIST) {
      const found = pattern.exec(digits)?.groups;
      if (found !== undefined) {
        return { score: 1, act: 'list', kind: kindOf(found.kind), all: false, which: found.which?.trim() ?? '' };
      }
    }
    if (REMAINING.test(digits)) return { score: 1, act: 'list', kind: 'timer', all: false, which: '' };
    const found = CANCEL.exec(digits)?.groups;
    if (found === undefined) return null;
    const which = (found.detail ?? found.which ?? '').replace(/^(?:my|the|next) ?/, '').trim();
    const all = found.all !== undefined || found.many !== undefined || which === 'all';
    return { score: 1, act: 'cancel', kind: kindOf(found.kind), all, which: which === 'all' ? '' : which };
  },
  run: (wanted, request) => (wanted.act === 'list' ? list(wanted, request) : cancel(wanted, request)),
});

function kindOf(text: string | undefined): Kind {
  return text === 'alarm' || text === 'reminder' ? text : 'timer';
}

async function read(tool: string, args: Record<string, unknown>, { callTool }: ThinkRequest): Promise<ReminderReply[]> {
  const value: unknown = JSON.parse(await callTool(tool, args));
  return Value.Parse(ReminderReplies, value);
}

async function list({ kind, which }: Wanted, request: ThinkRequest): Promise<string> {
  const waiting = await read('list_reminders', { kind }, request);
  const meant = which === '' ? waiting : waiting.filter((one) => isMeant(one, which, request));
  const [first] = meant;
  if (first === undefined) return `You have no ${which === '' ? '' : `${which} `}${kind}${which === '' ? 's' : ''}.`;
  if (meant.length === 1) return kind === 'timer' ? left(first) : `You have one ${kind}: ${told(first, request)}.`;
  const some = listOf(meant.slice(0, MOST_TOLD).map((one) => told(one, request)));
  return `You have ${meant.length} ${kind}s. ${meant.length > MOST_TOLD ? 'The next ones: ' : ''}${some}.`;
}

async function cancel(wanted: Wanted, request: ThinkRequest): Promise<string> {
  const { kind, which, all } = wanted;
  const waiting = await read('list_reminders', { kind }, request);
  if (waiting.length === 0) return `You have no ${kind}s.`;
  const meant = which === '' ? waiting : waiting.filter((one) => isMeant(one, which, request));
  const [only] = meant;
  if (only === undefined)
    return `I found no such ${kind}. You have ${listOf(waiting.map((one) => told(one, request)))}.`;
  if (meant.length > 1 && !all) {
    return `You have ${meant.length} ${kind}s. ${listOf(meant.slice(0, MOST_TOLD).map((one) => told(one, request)))}. Say which one, or say: cancel all ${kind}s.`;
  }
  const exact = all && which === '' ? { kind } : exactly(only);
  const gone = await read('cancel_reminders', exact, request);
  if (gone.length === 0) return `That ${kind} has rung already.`;
  return gone.length === 1 ? `Cancelled: ${told(only, request)}.` : `Cancelled ${gone.length} ${kind}s.`;
}

function exactly({ kind, label, localTime }: ReminderReply): Record<string, unknown> {
  return { kind, localTime, ...(label === null ? {} : { label }) };
}

function at({ localTime }: ReminderReply, { timeZone, now }: ThinkRequest): number {
  const wall = parseWallTime(localTime);
  return wall === null ? now : instantOf(wall, timeZone);
}

/** Whether the words name it: by its label, its clock time ("7 30", "7 am") or its length ("10 minute"). */
function isMeant(one: ReminderReply, which: string, request: ThinkRequest): boolean {
  if (one.label?.toLowerCase().includes(which) === true) return true;
  const clock = timeOfDay(at(one, request), request.timeZone).toLowerCase();
  const asked = which.replace(/^(\d{1,2})[ :](\d{2})/, '$1:$2').replace(/^(\d{1,2})(?= |$)/, '$1:00');
  return clock === asked || clock.startsWith(`${asked} `);
}

function left({ label, inSeconds }: ReminderReply): string {
  const name = label === null ? 'your timer' : `your ${label} timer`;
  return inSeconds <= 0 ? `It's over: ${name} is done.` : `${durationOf(inSeconds * 1_000)} left on ${name}.`;
}

function told(one: ReminderReply, request: ThinkRequest): string {
  if (one.kind === 'timer') {
    const left = durationOf(Math.max(0, one.inSeconds) * 1_000);
    return one.label === null ? `one with ${left} left` : `${one.label} with ${left} left`;
  }
  const when = whenOf(at(one, request), request.now, request.timeZone);
  return one.label === null ? when : `${one.label}, ${when}`;
}
