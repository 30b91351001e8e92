import type { Language } from '@muster/contract';
import type { ThinkRequest } from '../../ports.ts';
import type { ToolCall } from './completion.ts';

export type Message =
  | { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: string | null; readonly tool_calls: readonly unknown[] }
  | { readonly role: 'tool'; readonly tool_call_id: string; readonly content: string };

const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  en: 'English',
  vi: 'Vietnamese',
  ar: 'Arabic',
  zh: 'Mandarin Chinese',
};

/** What the model is told before it answers. What changes every minute comes last, so that servers can reuse the rest. */
export function messagesOf(request: ThinkRequest): Message[] {
  const { persona, assistantName, deviceName, language, history, text } = request;
  const system = [
    persona,
    `Your name is ${assistantName}. You are a voice assistant and speak through a device called "${deviceName}".`,
    `Answer in ${LANGUAGE_NAMES[language]}. What you write is spoken aloud: one to three short sentences of plain text, unless more is asked for. No markdown, no lists, no links, no emojis.`,
    'What you hear comes from speech recognition and may have small errors. When you do not know something or a tool fails, say so.',
    `It is ${timeIn(request)} (time zone ${request.timeZone}).`,
  ];
  return [
    { role: 'system', content: system.filter((line) => line.trim() !== '').join('\n') },
    ...history.map(({ role, text: content }) => ({ role, content })),
    { role: 'user', content: text },
  ];
}

/** The assistant's turn that asks for tools, as the API wants it back. */
export function callsMessage(content: string, calls: readonly ToolCall[]): Message {
  return {
    role: 'assistant',
    content: content === '' ? null : content,
    tool_calls: calls.map(({ id, name, arguments: args }) => ({
      id,
      type: 'function',
      function: { name, arguments: args },
    })),
  };
}

function timeIn({ now, timeZone }: ThinkRequest): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'full', timeStyle: 'short' }).format(now);
}
