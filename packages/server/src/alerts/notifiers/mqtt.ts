import { Type } from 'typebox';
import { defineNotifier, notTaken } from './define.ts';

/**
 * A message with QoS 1 on `devices/{device}/alerts`, for programs of the site that subscribed there: a lamp, a siren.
 * The broker keeps it for those with a session; whether anybody listens is not known.
 */
export const notifier = defineNotifier({
  kind: 'mqtt',
  title: 'MQTT message on the topic of the device',
  settings: Type.Object({}, { additionalProperties: false }),
  secrets: Type.Object({}, { additionalProperties: false }),
  async send({ notificationId, deed, note, alert, subjectName }, _to, outlets) {
    const { deviceId, siteId } = alert;
    if (deviceId === null || siteId === null) throw notTaken('This is about no device: it has no topic.');
    const payload = JSON.stringify({ notificationId, deed, note, subjectName, alert });
    await outlets.publish({ deviceId, siteId }, 'alerts', payload);
    return `published on devices/${deviceId}/alerts`;
  },
});
