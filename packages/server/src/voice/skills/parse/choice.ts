import type { ThinkRequest } from '../../ports.ts';

/** One of the texts, not one that was told in this conversation while there are others. Differs from time to time. */
export function choose(texts: readonly string[], { history, now }: ThinkRequest): string {
  const told = history.filter(({ role }) => role === 'assistant');
  const fresh = texts.filter((text) => !told.some((turn) => turn.text.includes(text)));
  const from = fresh.length === 0 ? texts : fresh;
  // The milliseconds of the moment are as good as dice.
  return from[now % from.length] ?? '';
}

/** Whether "another one" means one of these: the last answer was. */
export function wasLast(texts: readonly string[], { history }: ThinkRequest): boolean {
  const last = history.findLast(({ role }) => role === 'assistant')?.text;
  return last !== undefined && texts.some((text) => last.includes(text));
}

/** "another one", "one more", "more" */
export const ANOTHER = /^(?:tell (?:me|us) )?(?:another|another one|one more|more|again another|a different one)$/;
