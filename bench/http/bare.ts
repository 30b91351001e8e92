import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { Pool } from 'pg';

/**
 * What the reading of a device costs at the least: a Fastify route that asks who a session belongs to and for the row of
 * the device, one query each, and nothing else. `node bare.ts '{"connectionString":…}'`, forked: tells its port.
 */
export interface BareJob {
  readonly connectionString: string;
  readonly poolSize: number;
}

const SESSION = `SELECT users.user_id, email, name, administrator, users.created_at, site_id, role
  FROM sessions JOIN users ON users.user_id = sessions.user_id LEFT JOIN members ON members.user_id = users.user_id
  WHERE token_hash = $1 AND expires_at > $2`;
const DEVICE = `SELECT *, (SELECT device_presence.server_id FROM device_presence JOIN servers USING (server_id)
    WHERE device_presence.device_id = devices.device_id
      AND servers.seen_at > (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 6000) AS held_by
  FROM devices WHERE device_id = $1`;

const job = JSON.parse(process.argv[2] ?? '{}') as BareJob;
const pool = new Pool({ connectionString: job.connectionString, max: job.poolSize });
const app = fastify();

app.get<{ Params: { deviceId: string } }>('/api/devices/:deviceId', async (request, reply) => {
  const token = (request.headers.authorization ?? '').slice('Bearer '.length);
  const hash = createHash('sha256').update(token).digest();
  const session = await pool.query(SESSION, [hash, Date.now()]);
  if (session.rowCount === 0) return reply.status(401).send();
  const device = await pool.query(DEVICE, [request.params.deviceId]);
  return device.rowCount === 0 ? reply.status(404).send() : device.rows[0];
});

await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.({ port: (app.server.address() as AddressInfo).port });
process.once('disconnect', () => process.exit(0));
