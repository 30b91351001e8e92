import { createHmac } from 'node:crypto';
import { Type } from 'typebox';
import { defineNotifier, tookIt } from './define.ts';

/**
 * POSTs the alert as JSON. With a secret, `Muster-Signature: t=<epoch seconds>,v1=<hex>` is the HMAC-SHA256 of
 * `<t>.<body>`: a receiver refuses old times and takes each `notificationId` once.
 */
export const notifier = defineNotifier({
  kind: 'webhook',
  title: 'Webhook: JSON by HTTP POST, signed',
  settings: Type.Object(
    {
      url: Type.String({ pattern: '^https?://', maxLength: 2_000, description: 'Where it is posted to' }),
    },
    { additionalProperties: false },
  ),
  secrets: Type.Object(
    { signingKey: Type.Optional(Type.String({ minLength: 16, maxLength: 200, description: 'Key of the signature' })) },
    { additionalProperties: false },
  ),
  async send(letter, { settings, secrets }, outlets, signal) {
    const { notificationId, deed, note, alert, subjectName, title } = letter;
    const body = JSON.stringify({ notificationId, deed, note, title, subjectName, alert });
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      'muster-notification': notificationId,
    };
    if (secrets.signingKey !== undefined) {
      const time = Math.floor(outlets.now() / 1_000);
      const mac = createHmac('sha256', secrets.signingKey).update(`${time}.${body}`).digest('hex');
      headers['muster-signature'] = `t=${time},v1=${mac}`;
    }
    return tookIt(await outlets.request({ url: settings.url, method: 'POST', headers, body, guarded: true }, signal));
  },
});
