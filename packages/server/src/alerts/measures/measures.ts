import { readFile, statfs } from 'node:fs/promises';
import { cpus } from 'node:os';
import { type Kysely, sql } from 'kysely';
import type { Registry } from 'prom-client';
import { LONG_POLL } from '../../platform/http/index.ts';
import type { ServerMeasures } from '../engine/engine.ts';
import type { AlertTables } from '../tables.ts';

export interface MeasureDeps {
  readonly registry: Registry;
  readonly db: Kysely<AlertTables>;
  /** Where the data of the server lie. */
  readonly dataDir: string;
}

/** Requests below which a percentile or a share of a span says nothing. */
const FEWEST_REQUESTS = 20;
const HTTP = 'muster_http_request_seconds';

interface Sum {
  readonly requests: number;
  readonly failed: number;
  /** Requests up to each bound, s. */
  readonly buckets: ReadonlyMap<number, number>;
}
interface Cpu {
  readonly busy: number;
  readonly all: number;
}

/**
 * What this server knows of itself. A measure is over the span since the last call; null while it is not known.
 * Long-polls take as long as they were asked to: they are left out.
 */
export function createMeasures({ registry, db, dataDir }: MeasureDeps): () => Promise<ServerMeasures> {
  let lastHttp: Sum | null = null;
  let lastCpu: Cpu | null = null;

  async function http(): Promise<{ p95Ms: number | null; errorPercent: number | null }> {
    const metric = registry.getSingleMetric(HTTP);
    if (metric === undefined) return { p95Ms: null, errorPercent: null };
    const sum = sumOf((await metric.get()).values as readonly Value[]);
    const before = lastHttp;
    if (before === null) {
      lastHttp = sum;
      return { p95Ms: null, errorPercent: null };
    }
    const requests = sum.requests - before.requests;
    // too few: the span grows until there are enough
    if (requests < FEWEST_REQUESTS) return { p95Ms: null, errorPercent: null };
    lastHttp = sum;
    const failed = sum.failed - before.failed;
    const spans = [...sum.buckets].map(([bound, count]) => [bound, count - (before.buckets.get(bound) ?? 0)] as const);
    return { p95Ms: quantile(spans, requests, 0.95) * 1_000, errorPercent: (failed / requests) * 100 };
  }

  function cpuPercent(): number | null {
    const now = cpus().reduce<Cpu>(
      ({ busy, all }, { times }) => {
        const total = times.user + times.nice + times.sys + times.idle + times.irq;
        return { busy: busy + total - times.idle, all: all + total };
      },
      { busy: 0, all: 0 },
    );
    const before = lastCpu;
    lastCpu = now;
    if (before === null || now.all <= before.all) return null;
    return ((now.busy - before.busy) / (now.all - before.all)) * 100;
  }

  async function connectionPercent(): Promise<number | null> {
    const { rows } = await sql<{ taken: number; most: number }>`
      SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS taken,
        current_setting('max_connections')::bigint AS most`.execute(db);
    const row = rows[0];
    return row === undefined ? null : (row.taken / row.most) * 100;
  }

  return async () => {
    const [requests, memory, disk, connections] = await Promise.all([
      orUnknown(http()),
      orUnknown(memoryPercent()),
      orUnknown(diskFreePercent(dataDir)),
      orUnknown(connectionPercent()),
    ]);
    return {
      'server/apiP95Ms': requests?.p95Ms ?? null,
      'server/errorPercent': requests?.errorPercent ?? null,
      'server/cpuPercent': cpuPercent(),
      'server/memoryPercent': memory,
      'server/diskFreePercent': disk,
      'server/databaseConnectionPercent': connections,
    };
  };
}

interface Value {
  readonly value: number;
  readonly metricName?: string;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
}

function sumOf(values: readonly Value[]): Sum {
  let requests = 0;
  let failed = 0;
  const buckets = new Map<number, number>();
  for (const { value, metricName, labels } of values) {
    if (String(labels.route).endsWith(LONG_POLL)) continue;
    if (metricName === `${HTTP}_count`) {
      requests += value;
      if (String(labels.status).startsWith('5')) failed += value;
    } else if (metricName === `${HTTP}_bucket` && labels.le !== '+Inf') {
      buckets.set(Number(labels.le), (buckets.get(Number(labels.le)) ?? 0) + value);
    }
  }
  return { requests, failed, buckets };
}

/** As Prometheus does: even within a bucket; past the last bound the bound itself. `counts` are cumulative. */
function quantile(counts: readonly (readonly [bound: number, count: number])[], all: number, q: number): number {
  const rank = q * all;
  let below = 0;
  let from = 0;
  for (const [bound, count] of [...counts].sort(([a], [b]) => a - b)) {
    if (count >= rank && count > below) return from + ((bound - from) * (rank - below)) / (count - below);
    below = count;
    from = bound;
  }
  return from;
}

/** Linux: what programs could still get, by the kernel's own estimate; in a container, of what it may have. */
async function memoryPercent(): Promise<number> {
  const [used, most] = await Promise.all([
    readFile('/sys/fs/cgroup/memory.current', 'utf8').catch(() => ''),
    readFile('/sys/fs/cgroup/memory.max', 'utf8').catch(() => 'max'),
  ]);
  if (/^\d+\s*$/.test(most) && /^\d+\s*$/.test(used)) {
    const stat = await readFile('/sys/fs/cgroup/memory.stat', 'utf8');
    // file pages that nobody used lately are given back when somebody needs the room
    const spare = Number(/^inactive_file (\d+)/m.exec(stat)?.[1] ?? 0);
    return ((Number(used) - spare) / Number(most)) * 100;
  }
  const info = await readFile('/proc/meminfo', 'utf8');
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(info)?.[1]);
  return 100 - (kilobytes('MemAvailable') / kilobytes('MemTotal')) * 100;
}

async function diskFreePercent(path: string): Promise<number> {
  const { bavail, blocks } = await statfs(path);
  return (bavail / blocks) * 100;
}

/** A measure that this system does not have is unknown, not wrong. */
async function orUnknown<T>(measure: Promise<T>): Promise<T | null> {
  const value = await measure.catch(() => null);
  return typeof value === 'number' && !Number.isFinite(value) ? null : value;
}
