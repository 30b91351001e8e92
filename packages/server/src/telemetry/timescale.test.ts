import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTelemetry } from './telemetry.fixture.ts';

/**
 * TimescaleDB is in no package that can be installed here. What is shown: which tables are asked to be hypertables, with
 * calls that resolve against functions of the documented signatures, and that points are stored in tables that are not
 * partitioned by us. What the extension itself does with them is not.
 */
let world: Awaited<ReturnType<typeof startTelemetry>>;

before(async () => {
  world = await startTelemetry(1, { batchPoints: 1 });
});
after(() => world.database.stop());

test('a class that was made before the extension came stays partitioned by us; later ones are hypertables', async () => {
  const { pool } = world.database;
  const [source] = world.sources;
  assert.ok(source);
  const first = await world.make({ keepDaysOf: async () => 30 });
  await first.ingest(source, { values: { x: 1 } });
  await first.stop();
  // what stands in pg_extension is all that is asked; functions of the documented signatures write down their calls
  await pool.query(`
    SET allow_system_table_mods = on;
    INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
      VALUES (999999, 'timescaledb', 10, 'public'::regnamespace, false, 'none');
    CREATE TABLE asked (call text, relation text, first text, width bigint, default_indexes boolean);
    CREATE TYPE dimension_info AS (column_name name, width bigint);
    CREATE FUNCTION by_range(column_name name, partition_interval anyelement) RETURNS dimension_info
      LANGUAGE sql AS 'SELECT ROW($1, $2)::dimension_info';
    CREATE FUNCTION create_hypertable(relation regclass, dimension dimension_info,
      create_default_indexes boolean = true, if_not_exists boolean = false, migrate_data boolean = false) RETURNS void
      LANGUAGE sql AS $$INSERT INTO asked VALUES ('create', $1, ($2).column_name, ($2).width, $3)$$;
    CREATE FUNCTION drop_chunks(relation regclass, older_than anyelement) RETURNS SETOF text
      LANGUAGE sql AS $$INSERT INTO asked VALUES ('drop', $1, pg_typeof($2), NULL, NULL) RETURNING relation$$;
  `);
  try {
    const second = await world.make({ keepDaysOf: async () => 365 });
    await second.ingest(source, { values: { x: 2 } });
    await second.maintain();
    await second.stop();
    const third = await world.make({ keepDaysOf: async () => 30 });
    await third.ingest(source, { values: { x: 3 } });
    await third.stop();
  } finally {
    await pool.query('SET allow_system_table_mods = on; DELETE FROM pg_extension WHERE oid = 999999');
  }
  const { rows } = await pool.query(
    'SELECT call, relation, first, width, default_indexes FROM asked ORDER BY call, relation',
  );
  const created = { call: 'create', first: 'at', default_indexes: false };
  const dropped = { call: 'drop', first: 'bigint', width: null, default_indexes: null };
  assert.deepEqual(rows, [
    { ...created, relation: 'points_365', width: 86_400_000 },
    { ...created, relation: 'rollup_1d_365', width: 3_650 * 86_400_000 },
    { ...created, relation: 'rollup_1h_365', width: 365 * 86_400_000 },
    { ...created, relation: 'rollup_1m_365', width: 7 * 86_400_000 },
    { ...dropped, relation: 'points_365' },
    { ...dropped, relation: 'rollup_1d_365' },
    { ...dropped, relation: 'rollup_1h_365' },
    { ...dropped, relation: 'rollup_1m_365' },
  ]);
  const kinds = await pool.query(
    "SELECT relname, relkind FROM pg_class WHERE relname IN ('points_30', 'points_365') ORDER BY 1",
  );
  assert.deepEqual(kinds.rows, [
    { relname: 'points_30', relkind: 'p' },
    { relname: 'points_365', relkind: 'r' },
  ]);
  const counts = await pool.query(
    'SELECT (SELECT count(*) FROM points_30) AS ours, (SELECT count(*) FROM points_365) AS theirs',
  );
  assert.deepEqual(counts.rows, [{ ours: 2, theirs: 1 }]);
});
