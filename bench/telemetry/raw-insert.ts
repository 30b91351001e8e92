import { Client } from 'pg';

/**
 * How fast this PostgreSQL takes rows of the same shape, in batches of the same size, from a plain script that does
 * nothing else: a process of its own, forked. The table is made like that of the points, with its key and its indexes.
 */
export interface RawJob {
  readonly url: string;
  readonly series: number;
  readonly batch: number;
  readonly connections: number;
  readonly seconds: number;
}

const DAY_MS = 86_400_000;
const job = JSON.parse(process.argv[2] ?? '{}') as RawJob;
const clients = await Promise.all(
  Array.from({ length: job.connections }, async () => {
    const client = new Client({ connectionString: job.url });
    await client.connect();
    return client;
  }),
);
const [first] = clients;
const today = Date.now() - (Date.now() % DAY_MS);
await first?.query(`DROP TABLE IF EXISTS raw_points;
  CREATE TABLE raw_points (LIKE points_90 INCLUDING ALL) PARTITION BY RANGE (at);
  CREATE TABLE raw_points_today PARTITION OF raw_points FOR VALUES FROM (${today}) TO (${today + 2 * DAY_MS})`);
let rows = 0;
let message = 0;
const begun = performance.now();
const until = begun + job.seconds * 1_000;
await Promise.all(clients.map((client) => insert(client)));
const rowsPerSecond = rows / ((performance.now() - begun) / 1_000);
await first?.query('DROP TABLE raw_points');
await Promise.all(clients.map((client) => client.end()));
process.send?.({ rowsPerSecond }, () => process.disconnect());

async function insert(client: Client): Promise<void> {
  while (performance.now() < until) {
    await client.query({
      name: 'raw',
      text: `INSERT INTO raw_points (series_id, at, seq, received_at, num, value)
        SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::float8[], $6::jsonb[])`,
      values: batch(),
    });
    rows += job.batch;
  }
}

/** Messages of three points, of one device after the other. */
function batch(): string[] {
  const columns: (number | 'NULL')[][] = [[], [], [], [], [], []];
  const now = Date.now();
  for (let row = 0; row < job.batch; row++) {
    const nth = message++;
    const seq = Math.floor(nth / job.series);
    const one = [nth % job.series, now, seq, now, ((seq * 7) % 1_000) / 8, 'NULL'] as const;
    for (const [index, value] of one.entries()) columns[index]?.push(value);
  }
  return columns.map((column) => `{${column.join(',')}}`);
}
