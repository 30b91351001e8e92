import type { ErrorCode } from '@muster/contract';
import type { FixedLine } from '../line-sounds.ts';

/** Where a turn is, as far as its failures are concerned. */
export type Stage = 'hearing' | 'screening' | 'thinking' | 'speaking';

const BY_CODE: Readonly<Partial<Record<ErrorCode, FixedLine>>> = {
  HEARING_TIMEOUT: 'hearingTimeout',
  THINKING_TIMEOUT: 'thinkingTimeout',
  TURN_LIMIT: 'turnLimit',
};

const BY_STAGE = {
  hearing: 'hearingFailed',
  screening: 'screeningFailed',
  thinking: 'thinkingFailed',
  speaking: 'speakingFailed',
} as const satisfies Record<Stage, FixedLine>;

/** What the person hears instead of silence. */
export function apologyFor(code: ErrorCode, stage: Stage): FixedLine {
  return BY_CODE[code] ?? BY_STAGE[stage];
}

/** A refusal by the screener: no fault, and said in its own words. */
export class Refused extends Error {
  readonly line: FixedLine;
  constructor(direction: 'in' | 'out', reason: string | null) {
    super('refused by the screener');
    this.name = 'Refused';
    this.line = reason === 'noScreener' ? 'noScreening' : direction === 'in' ? 'refusedQuestion' : 'refusedAnswer';
  }
}
