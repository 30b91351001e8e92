import type { Fleet } from '@muster/testkit';

/** What a fleet did, in one line. */
export function standingLine(fleet: Fleet, devices: number): string {
  const { connected, sent, acked, resent, dropped, commands, ackMs } = fleet.counters;
  const parts = [
    `${connected}/${devices} connected`,
    `${sent} sent`,
    `${acked} acknowledged`,
    ...(resent > 0 ? [`${resent} again`] : []),
    ...(dropped > 0 ? [`${dropped} dropped`] : []),
    ...(commands > 0 ? [`${commands} commands`] : []),
    `ack ${span(ackMs.percentile(0.5))}, p99 ${span(ackMs.percentile(0.99))}`,
  ];
  return parts.join(' · ');
}

/** For programs. Spans are ms, null when nothing was measured. */
export function standingReport(fleet: Fleet, devices: number) {
  const { ackMs, connectMs, ...counters } = fleet.counters;
  return {
    devices,
    ...counters,
    waiting: fleet.waiting(),
    ackP50Ms: ackMs.percentile(0.5),
    ackP99Ms: ackMs.percentile(0.99),
    connectP99Ms: connectMs.percentile(0.99),
    refusals: Object.fromEntries(fleet.refusals),
  };
}

/** For people. */
export function standingRows(report: ReturnType<typeof standingReport>): string[][] {
  const refusals = Object.entries(report.refusals).map(([code, count]) => `${count} ${code}`);
  return [
    ['devices', String(report.devices)],
    ['connected', String(report.connected)],
    ['connections made', String(report.connects)],
    ['messages sent', String(report.sent)],
    ['acknowledged', String(report.acked)],
    ['sent again', String(report.resent)],
    ['waiting', String(report.waiting)],
    ['dropped', String(report.dropped)],
    ['refused', String(report.refused)],
    ['commands', `${report.commands} (${report.confirmed} done, ${report.rejected} rejected, ${report.failed} failed)`],
    ['twin changes followed', String(report.deltas)],
    ['acknowledged within', `${span(report.ackP50Ms)} (p50), ${span(report.ackP99Ms)} (p99)`],
    ...(refusals.length === 0 ? [] : [['failures', refusals.join(', ')]]),
  ];
}

function span(ms: number | null): string {
  return ms === null ? '—' : ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
