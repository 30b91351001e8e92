import type { Severity } from '@muster/contract';

interface DefaultRule {
  readonly kind: string;
  readonly name: string;
  readonly severity: Severity;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What every new site begins with. Its owner changes or deletes them at will. */
export const SITE_RULES: readonly DefaultRule[] = [
  { kind: 'offline', name: 'Offline for 10 minutes', severity: 'minor', params: { forMs: 600_000 } },
  { kind: 'clock-off', name: 'The clock is wrong', severity: 'minor', params: {} },
  { kind: 'clone', name: 'Two devices with one identity', severity: 'major', params: {} },
  { kind: 'certificate-ends', name: 'A certificate ends within 30 days', severity: 'major', params: {} },
  { kind: 'refusals', name: 'Messages are refused', severity: 'minor', params: {} },
];

/** The rules of a server. Their series are measured by alerts/measures, what is due by operations/incidents. */
export const SERVER_RULES: readonly DefaultRule[] = [
  above('server/apiP95Ms', 'The API takes over 1 s (p95)', 'major', 1_000, 100),
  above('server/errorPercent', 'Over 5 % of API requests fail', 'major', 5, 1),
  above('server/cpuPercent', 'The processor is over 80 % busy', 'major', 80, 5, 120_000),
  above('server/memoryPercent', 'Memory is over 90 % used', 'major', 90, 3),
  {
    kind: 'threshold',
    name: 'Less than 10 % of the disk is free',
    severity: 'critical',
    params: { series: 'server/diskFreePercent', side: 'below', limit: 10, hysteresis: 2, forMs: 30_000 },
  },
  above('server/databaseConnectionPercent', 'Over 80 % of the database connections are taken', 'major', 80, 5),
  above('server/reportsDue', 'A report to the authority is due', 'critical', 0, 0, 0),
];

function above(
  series: string,
  name: string,
  severity: Severity,
  limit: number,
  hysteresis: number,
  forMs = 60_000,
): DefaultRule {
  return { kind: 'threshold', name, severity, params: { series, side: 'above', limit, hysteresis, forMs } };
}
