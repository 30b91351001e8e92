import type { Emotion } from '@muster/contract';
import type { ThinkRequest } from '../ports.ts';
import type { Heard } from './parse/heard.ts';

export type { Heard } from './parse/heard.ts';

/** What a skill says: words to be spoken, without lists and symbols, and the face that goes with them. */
export type Reply = string | { readonly text: string; readonly emotion: Emotion };

/** How sure a match is: 1 for a sentence that can mean nothing else. Below 0.5 it does not count. */
export interface Match {
  readonly score: number;
}

export interface SkillDefinition<Found extends Match> {
  /** As it stands in the records of turns. */
  readonly name: string;
  /** Sentences that it answers, as people say them: shown to people, and tested to reach this skill. */
  readonly examples: readonly [string, ...string[]];
  /**
   * What is meant, or null when the skill cannot answer exactly this. Must be quick and without effects. Null is the
   * right answer in doubt: a wrong skill is worse than an honest "I cannot do that".
   */
  match(heard: Heard, request: ThinkRequest): Found | null;
  /**
   * Does it and says so. It acts only through `request.callTool`, which may throw a MusterError; the engine speaks its
   * message. Time comes from the request.
   */
  run(found: Found, request: ThinkRequest): Reply | Promise<Reply>;
}

/** A skill as the engine sees it. */
export interface Skill {
  readonly name: string;
  readonly examples: readonly string[];
  understand(heard: Heard, request: ThinkRequest): Candidate | null;
}

export interface Candidate extends Match {
  answer(): Reply | Promise<Reply>;
}

/** One skill: `export const skill = defineSkill({...})` in `voice/skills/<name>.ts`; the index is generated. */
export function defineSkill<Found extends Match>(definition: SkillDefinition<Found>): Skill {
  const { name, examples } = definition;
  return {
    name,
    examples,
    understand(heard, request) {
      const found = definition.match(heard, request);
      return found === null ? null : { score: found.score, answer: () => definition.run(found, request) };
    },
  };
}
