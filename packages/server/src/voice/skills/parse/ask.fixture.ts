import assert from 'node:assert/strict';
import type { ThinkRequest } from '../../ports.ts';
import type { Skill } from '../define.ts';
import { hear } from './heard.ts';

export interface Call {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** Saturday, 21 November 2026, 15:00 in Ho Chi Minh City. */
export const NOW = Date.UTC(2026, 10, 21, 8);

/** A request as the turn makes it; `answers` are what the tools give, by name. */
export function requestOf(
  text: string,
  changes: Partial<ThinkRequest> = {},
  answers: Readonly<Record<string, string>> = {},
): { readonly request: ThinkRequest; readonly calls: Call[] } {
  const calls: Call[] = [];
  const request: ThinkRequest = {
    text,
    history: [],
    persona: '',
    assistantName: 'Muster',
    language: 'en',
    timeZone: 'Asia/Ho_Chi_Minh',
    now: NOW,
    deviceName: 'kitchen',
    tools: [],
    signal: new AbortController().signal,
    async callTool(name, args) {
      calls.push({ name, args });
      return answers[name] ?? 'true';
    },
    ...changes,
  };
  return { request, calls };
}

export interface Asked {
  /** What the skill says; null when it does not take the sentence. */
  readonly said: string | null;
  readonly calls: readonly Call[];
}

/** Lets one skill answer. */
export async function ask(
  skill: Skill,
  text: string,
  changes: Partial<ThinkRequest> = {},
  answers: Readonly<Record<string, string>> = {},
): Promise<Asked> {
  const { request, calls } = requestOf(text, changes, answers);
  const heard = hear(text);
  assert.ok(heard !== null, 'too long');
  const candidate = skill.understand(heard, request);
  if (candidate === null || candidate.score < 0.5) return { said: null, calls };
  const reply = await candidate.answer();
  return { said: typeof reply === 'string' ? reply : reply.text, calls };
}

/** Sentences that a skill must leave to others. */
export async function assertLeaves(skill: Skill, sentences: readonly string[]): Promise<void> {
  for (const sentence of sentences) assert.equal((await ask(skill, sentence)).said, null, sentence);
}
