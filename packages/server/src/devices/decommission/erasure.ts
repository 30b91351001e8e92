import type { PoolClient } from 'pg';

/** Rows of one statement: a few tenths of a second on a small machine. */
export const ROWS_A_BATCH = 5_000;

/** One kind of row of a device: `where` is about `$1`, its id. */
interface Erasure {
  readonly table: string;
  readonly where: string;
}

const ofDevice = (table: string): Erasure => ({ table, where: 'device_id = $1' });

/**
 * All that is known of a device, in an order in which nothing comes back: what hangs on a row goes before it. A test
 * compares this, and `KEPT`, with the tables of the database, so that a table that is added cannot be forgotten.
 */
export const ERASED: readonly Erasure[] = [
  { table: 'rollup_dirty', where: 'series_id IN (SELECT series_id FROM series WHERE device_id = $1)' },
  { table: 'latest', where: 'series_id IN (SELECT series_id FROM series WHERE device_id = $1)' },
  ofDevice('streams'),
  ofDevice('device_events'),
  ofDevice('turns'),
  ofDevice('reminders'),
  { table: 'alert_notifications', where: 'alert_id IN (SELECT alert_id FROM alerts WHERE device_id = $1)' },
  { table: 'alert_log', where: 'alert_id IN (SELECT alert_id FROM alerts WHERE device_id = $1)' },
  ofDevice('alerts'),
  { table: 'alert_rule_states', where: 'subject = $1::text' },
  { table: 'alert_rules', where: "scope = 'device' AND scope_value = $1::text" },
  ofDevice('maintenance_windows'),
  { table: 'idempotency_keys', where: 'made_id IN (SELECT command_id FROM commands WHERE device_id = $1)' },
  ofDevice('command_run_devices'),
  ofDevice('commands'),
  {
    table: 'mqtt_queue',
    where: 'session_key IN (SELECT session_key FROM mqtt_sessions WHERE device_id = $1)',
  },
  ofDevice('mqtt_sessions'),
  ofDevice('mqtt_retained'),
  ofDevice('group_members'),
  ofDevice('twins'),
  ofDevice('rotation_job_devices'),
  ofDevice('token_rotations'),
  ofDevice('device_tokens'),
  ofDevice('device_certificates'),
  ofDevice('activations'),
  ofDevice('device_presence'),
  // last: nothing of it is found any more without it
  ofDevice('series'),
];

/** Rows that name a device and stay, and why. */
export const KEPT: Readonly<Record<string, string>> = {
  decommissions: 'That it was decommissioned, when, and whether it said that it reset.',
  credential_ends:
    'The hash of a token, without its device: so that it hears DEVICE_DECOMMISSIONED instead of a riddle; a year.',
  devices: 'The row itself goes with the last step.',
};

/** `points_90`, `rollup_1h_90`: tables of a retention class; not their partitions. */
const CLASS_TABLES = "relname ~ '^(points|rollup_1[mhd])_[0-9]+$' AND relkind IN ('r', 'p')";

/** Erases a batch of rows of a device; null when nothing is left. */
export async function eraseBatch(client: PoolClient, deviceId: string): Promise<number | null> {
  const { rows: classes } = await client.query<{ relname: string }>(
    `SELECT relname FROM pg_class WHERE ${CLASS_TABLES}`,
  );
  for (const { relname: table } of classes) {
    // rows of partitions are told apart by their key only
    const key = table.startsWith('points_') ? 'series_id, at, seq' : 'series_id, at';
    const { rowCount } = await client.query(
      `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table}
         WHERE series_id = ANY(ARRAY(SELECT series_id FROM series WHERE device_id = $1)) LIMIT ${ROWS_A_BATCH})`,
      [deviceId],
    );
    if (rowCount !== null && rowCount > 0) return rowCount;
  }
  for (const { table, where } of ERASED) {
    const { rowCount } = await client.query(
      `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE ${where} LIMIT ${ROWS_A_BATCH}))`,
      [deviceId],
    );
    if (rowCount !== null && rowCount > 0) return rowCount;
  }
  return null;
}

/** With what the device signs in ends now, and each token leaves its hash: whoever shows it hears why. */
export async function wipeCredentials(client: PoolClient, deviceId: string): Promise<void> {
  const now = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';
  await client.query(
    `INSERT INTO credential_ends (token_hash, device_id, code, ended_at)
     SELECT token_hash, device_id, 'DEVICE_DECOMMISSIONED', ${now} FROM device_tokens WHERE device_id = $1`,
    [deviceId],
  );
  // shown again, a certificate is none that nobody has seen
  await client.query(
    `INSERT INTO revoked_certificates (name, site_id, reason, revoked_at)
     SELECT DISTINCT names[1], site_id, 'decommissioned', ${now}
     FROM device_certificates JOIN certificate_authorities USING (authority_id)
     WHERE device_id = $1 AND names[1] IS NOT NULL ON CONFLICT DO NOTHING`,
    [deviceId],
  );
  await client.query(
    `DELETE FROM device_keys USING devices WHERE devices.device_id = $1
       AND device_keys.serial_number = devices.serial_number AND device_keys.site_id = devices.site_id`,
    [deviceId],
  );
  await client.query(
    "UPDATE devices SET state = 'revoked', hmac_key = NULL, plain_hmac_key = NULL WHERE device_id = $1",
    [deviceId],
  );
  for (const table of ['token_rotations', 'device_tokens', 'device_certificates', 'activations']) {
    await client.query(`DELETE FROM ${table} WHERE device_id = $1`, [deviceId]);
  }
}

/** The device itself, and whose its hashes were. */
export async function forgetDevice(client: PoolClient, deviceId: string): Promise<void> {
  await client.query('DELETE FROM devices WHERE device_id = $1', [deviceId]);
  await client.query("DELETE FROM credential_ends WHERE device_id = $1 AND code <> 'DEVICE_DECOMMISSIONED'", [
    deviceId,
  ]);
  await client.query('UPDATE credential_ends SET device_id = NULL WHERE device_id = $1', [deviceId]);
}
