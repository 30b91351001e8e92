import { DEAD_MS } from '../../presence/store.ts';

/** How lately a device that keeps no connection must have been heard to count as here, ms: those that poll. */
const HEARD_MS = 900_000;

/** Whether the device of the row `name` can be told something now: a living server holds it, or it polls. */
export function holder(name: string): string {
  const now = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';
  return `(EXISTS (SELECT FROM device_presence JOIN servers USING (server_id)
      WHERE device_presence.device_id = ${name}.device_id AND servers.seen_at > ${now} - ${DEAD_MS})
    OR (${name}.keeps_connection IS FALSE AND ${name}.last_seen_at > ${now} - ${HEARD_MS}))`;
}
