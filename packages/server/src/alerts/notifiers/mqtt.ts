import { Type } from 'typebox';
import { defineNotifier, notTaken } from './define.ts';

/** A message to MQTT clients of the site, on `sites/{site}/alerts/{topic}`. */
export const notifier = defineNotifier({
  kind: 'mqtt',
  title: 'MQTT message to clients of the site',
  settings: Type.Object(
    { topic: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', default: 'all', description: 'Last part of the topic' }) },
    { additionalProperties: false },
  ),
  secrets: Type.Object({}, { additionalProperties: false }),
  async send(letter, { siteId, settings }, outlets) {
    if (siteId === null) throw notTaken('Alerts of the server belong to no site: there is no topic for them.');
    const { notificationId, deed, note, alert, subjectName } = letter;
    const payload = JSON.stringify({ notificationId, deed, note, subjectName, alert });
    const takers = await outlets.publish(siteId, `sites/${siteId}/alerts/${settings.topic}`, payload);
    if (takers === 0) throw notTaken('No client of the site is subscribed to the topic.');
    return `taken by ${takers} ${takers === 1 ? 'client' : 'clients'}`;
  },
});
