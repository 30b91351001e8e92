import { Type } from 'typebox';
import { defineNotifier, tookIt } from './define.ts';

/** Longest message of the Bot API, characters (https://core.telegram.org/bots/api#sendmessage). */
const MOST_CHARS = 4_096;

/** A message of a Telegram bot. */
export const notifier = defineNotifier({
  kind: 'telegram',
  title: 'Telegram',
  settings: Type.Object(
    {
      chatId: Type.String({ pattern: '^(-?[0-9]{1,20}|@[A-Za-z0-9_]{1,64})$', description: 'The chat or channel' }),
      silent: Type.Boolean({ default: false, description: 'No sound at the receiver' }),
    },
    { additionalProperties: false },
  ),
  secrets: Type.Object(
    { botToken: Type.String({ pattern: '^[0-9]{1,20}:[A-Za-z0-9_-]{20,100}$', description: 'As BotFather gave it' }) },
    { additionalProperties: false },
  ),
  async send(letter, { settings, secrets }, outlets, signal) {
    const body = JSON.stringify({
      chat_id: settings.chatId,
      text: `${letter.title}\n${letter.text}`.slice(0, MOST_CHARS),
      disable_notification: settings.silent,
    });
    const url = `${outlets.telegramUrl.replace(/\/$/, '')}/bot${secrets.botToken}/sendMessage`;
    const headers = { 'content-type': 'application/json' };
    return tookIt(await outlets.request({ url, method: 'POST', headers, body, guarded: false }, signal));
  },
});
