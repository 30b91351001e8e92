import { styleText } from 'node:util';
import type { Turn, TurnTimes } from '@muster/contract';
import { instantText } from '../instant.ts';

/** What a person waits for between their last word and the first sound of the answer, in order. */
const STAGES = [
  { name: 'wait', mark: '░', until: 'endpointMs', colour: 'gray' },
  { name: 'hear', mark: '▒', until: 'heardMs', colour: 'cyan' },
  { name: 'think', mark: '▓', until: 'thoughtMs', colour: 'yellow' },
  { name: 'speak', mark: '█', until: 'firstAudioMs', colour: 'green' },
] as const;

export const LEGEND = STAGES.map(({ name, mark, colour }) => `${styleText(colour, mark)} ${name}`).join('  ');

interface Span {
  readonly name: string;
  readonly mark: string;
  readonly colour: (typeof STAGES)[number]['colour'];
  readonly ms: number;
}

/** The stages that happened, each with how long it took. */
function spansOf(times: TurnTimes): Span[] {
  let from = 0;
  const spans: Span[] = [];
  for (const { until, ...stage } of STAGES) {
    const to = times[until];
    if (to === null) continue;
    spans.push({ ...stage, ms: Math.max(0, to - from) });
    from = Math.max(from, to);
  }
  return spans;
}

/** One bar of `width` columns for `fullMs`; every stage that took any time has at least one column. */
export function barOf(times: TurnTimes, width: number, fullMs: number): string {
  let used = 0;
  return spansOf(times)
    .map(({ mark, colour, ms }) => {
      const wanted = fullMs <= 0 ? 0 : Math.max(ms > 0 ? 1 : 0, Math.round((ms / fullMs) * width));
      const columns = Math.min(wanted, width - used);
      used += columns;
      return columns > 0 ? styleText(colour, mark.repeat(columns)) : '';
    })
    .join('')
    .concat(' '.repeat(width - used));
}

/** `wait 420 · hear 130 · think 2 · speak 60 ms`, or a dash when nothing was measured. */
export function spansText(times: TurnTimes): string {
  const spans = spansOf(times);
  return spans.length === 0 ? '—' : `${spans.map(({ name, ms }) => `${name} ${Math.round(ms)}`).join(' · ')} ms`;
}

const BAR_COLUMNS = 32;

/** Turns as lines of text, each with its bar on one common scale. */
export function turnLines(turns: readonly Turn[]): string[] {
  const fullMs = Math.max(...turns.map(({ times }) => spansOf(times).reduce((sum, { ms }) => sum + ms, 0)), 0);
  return turns.flatMap((turn) => {
    const first = turn.times.firstAudioMs;
    const head = [
      instantText(turn.startedAt),
      barOf(turn.times, BAR_COLUMNS, fullMs),
      (first === null ? '—' : `${(first / 1000).toFixed(2)} s`).padStart(7),
      turn.errorCode === null ? turn.outcome : `${turn.outcome} ${styleText('red', turn.errorCode)}`,
      providersOf(turn),
    ];
    const words = [turn.heard, turn.said].filter((text) => text !== null).map((text) => `“${text}”`);
    return [head.join('  '), `    ${spansText(turn.times)}`, ...(words.length > 0 ? [`    ${words.join(' → ')}`] : [])];
  });
}

function providersOf({ stt, llm, skill, tts, tools }: Turn): string {
  const answered = skill === null ? llm : `${llm ?? ''}:${skill}`;
  const called = tools.map(({ name, ok }) => (ok ? name : `${name} failed`));
  return [[stt, answered, tts].map((name) => name ?? '—').join(' > '), ...called].join(', ');
}
