import { spawnSync } from 'node:child_process';

/**
 * `npm audit` of what runs, at high: fails when a package has a known vulnerability of that weight. A registry that
 * cannot be asked (no network, a mirror that does not answer audits) is said and is no failure: it says nothing about
 * the packages either way.
 */
export type Verdict =
  | { readonly state: 'clean' | 'unknown'; readonly say: string }
  | { readonly state: 'vulnerable'; readonly say: string };

interface AuditReport {
  readonly error?: { readonly summary?: string };
  readonly message?: string;
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range?: string }>>;
  readonly metadata?: { readonly vulnerabilities?: unknown };
}

const GRAVE: ReadonlySet<string> = new Set(['high', 'critical']);

/** Reads what `npm audit --json` printed. */
export function judgeAudit(output: string): Verdict {
  let report: AuditReport;
  try {
    report = JSON.parse(output) as AuditReport;
  } catch (cause) {
    return { state: 'unknown', say: `the registry could not be asked: ${(cause as Error).message}` };
  }
  if (report.vulnerabilities === undefined || report.metadata?.vulnerabilities === undefined) {
    return {
      state: 'unknown',
      say: `the registry could not be asked: ${report.message ?? report.error?.summary ?? 'no report'}`,
    };
  }
  const found = Object.entries(report.vulnerabilities).filter(([, { severity }]) => GRAVE.has(severity));
  if (found.length === 0) return { state: 'clean', say: 'no known vulnerability at high or above' };
  const lines = found.map(([name, { severity, range = 'every version' }]) => `${name} ${range}: ${severity}`);
  return { state: 'vulnerable', say: lines.sort().join('\n') };
}

if (import.meta.main) {
  const { stdout } = spawnSync('npm', ['audit', '--json', '--omit=dev', '--audit-level=high'], {
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  const { state, say } = judgeAudit(stdout ?? '');
  console.log(`npm audit: ${state === 'vulnerable' ? 'vulnerable\n' : ''}${say}`);
  process.exitCode = state === 'vulnerable' ? 1 : 0;
}
