import { MusterError } from '@muster/contract';
import type { Logger } from '../../../platform/log.ts';
import { lines } from '../../lines/index.ts';
import type { LanguageModel, ThinkRequest } from '../../ports.ts';
import type { Candidate, Reply, Skill } from '../../skills/define.ts';
import { hear } from '../../skills/parse/heard.ts';

/** A match must be at least this sure. */
const SURE = 0.5;
/** Name in the records of turns for what no skill takes. */
const NO_SKILL = 'none';

/** Finds the skill that is surest of what was said and lets it answer; says honestly when there is none. */
export function createSkillsEngine(skills: readonly Skill[], log: Logger): LanguageModel {
  return {
    id: 'skills',
    async *think(request) {
      const { signal } = request;
      signal.throwIfAborted();
      const best = surest(skills, request);
      yield { type: 'skill', name: best?.skill.name ?? NO_SKILL };
      const reply = best === null ? fallback(request) : await answerOf(best.candidate, best.skill.name, request, log);
      signal.throwIfAborted();
      if (typeof reply !== 'string') yield { type: 'emotion', emotion: reply.emotion };
      yield { type: 'text', text: typeof reply === 'string' ? reply : reply.text };
    },
    warm: async () => undefined,
    close: async () => undefined,
  };
}

function surest(
  skills: readonly Skill[],
  request: ThinkRequest,
): { readonly skill: Skill; readonly candidate: Candidate } | null {
  const heard = hear(request.text);
  if (heard === null) return null;
  let best: { skill: Skill; candidate: Candidate } | null = null;
  for (const skill of skills) {
    const candidate = skill.understand(heard, request);
    if (candidate === null || candidate.score < SURE) continue;
    if (best === null || candidate.score > best.candidate.score) best = { skill, candidate };
  }
  return best;
}

function fallback({ language }: ThinkRequest): Reply {
  return { text: lines.say('noLanguageModel', language), emotion: 'confused' };
}

async function answerOf(candidate: Candidate, skill: string, request: ThinkRequest, log: Logger): Promise<Reply> {
  try {
    return await candidate.answer();
  } catch (error) {
    if (request.signal.aborted || !(error instanceof MusterError) || !error.code.startsWith('TOOL_')) throw error;
    log.info({ skill, code: error.code, ...error.context }, 'a skill could not do what was asked');
    return { text: failure(error, request), emotion: 'sad' };
  }
}

/** Longest sentence of a tool that is spoken, characters: it may come from a device. */
const FAILURE_CHARS = 200;

/** What a tool says about its failure is in English, so it is told in English only. */
function failure(error: MusterError, { language }: ThinkRequest): string {
  if (error.code === 'TOOL_TIMEOUT') return lines.say('toolTimeout', language);
  const why = language === 'en' ? ` ${error.message.slice(0, FAILURE_CHARS)}` : '';
  return lines.say('toolFailed', language) + why;
}
