import type { Severity } from '@muster/contract';
import { Type } from 'typebox';
import { defineNotifier, tookIt } from './define.ts';

/** Priorities of ntfy: 1 to 5 (https://docs.ntfy.sh/publish/#message-priority). */
const PRIORITY: Readonly<Record<Severity, number>> = { info: 2, minor: 3, major: 4, critical: 5 };

/** A push message by ntfy.sh, or by a server of one's own. */
export const notifier = defineNotifier({
  kind: 'ntfy',
  title: 'ntfy push message',
  settings: Type.Object(
    {
      server: Type.String({
        default: 'https://ntfy.sh',
        pattern: '^https?://',
        maxLength: 500,
        description: 'The ntfy server',
      }),
      topic: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'Whoever knows it may read along' }),
    },
    { additionalProperties: false },
  ),
  secrets: Type.Object(
    {
      token: Type.Optional(Type.String({ pattern: '^[!-~]{1,200}$', description: 'Access token of the ntfy server' })),
    },
    { additionalProperties: false },
  ),
  async send(letter, { settings, secrets }, outlets, signal) {
    const body = JSON.stringify({
      topic: settings.topic,
      title: letter.title,
      message: letter.text,
      priority: letter.deed === 'closed' ? PRIORITY.info : PRIORITY[letter.alert.severity],
    });
    const headers = {
      'content-type': 'application/json',
      ...(secrets.token === undefined ? {} : { authorization: `Bearer ${secrets.token}` }),
    };
    return tookIt(
      await outlets.request({ url: settings.server, method: 'POST', headers, body, guarded: true }, signal),
    );
  },
});
