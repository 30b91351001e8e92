import { Type } from 'typebox';
import { defineLlm } from '../../ports.ts';
import { skills } from '../../skills/index.gen.ts';
import { createSkillsEngine } from './engine.ts';

/** What answers when nobody configured a language model: it needs no key, and says that it is no language model. */
export const provider = defineLlm({
  id: 'skills',
  order: 1_000,
  config: Type.Object({}),
  configured: () => true,
  create: (_, { log }) => createSkillsEngine(skills, log),
});
