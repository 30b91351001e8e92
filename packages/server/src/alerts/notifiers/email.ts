import { Type } from 'typebox';
import { defineNotifier } from './define.ts';

/** An e-mail by the mail server of the configuration (alerts.smtp, else mail.url). */
export const notifier = defineNotifier({
  kind: 'email',
  title: 'E-mail',
  settings: Type.Object(
    {
      to: Type.Array(Type.String({ pattern: '^[^\\s@<>,;"]{1,64}@[^\\s@<>,;"]{1,255}$' }), {
        minItems: 1,
        maxItems: 20,
        description: 'Receivers',
      }),
    },
    { additionalProperties: false },
  ),
  secrets: Type.Object({}, { additionalProperties: false }),
  send: (letter, { settings }, outlets, signal) =>
    outlets.mail({ to: settings.to, subject: letter.title, text: letter.text }, signal),
});
