import {
  type Alert,
  type AlertDeed,
  type AlertDetail,
  bug,
  MusterError,
  SEVERITIES,
  type Severity,
} from '@muster/contract';
import type { Bus, BusEvents } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { newId } from '../../platform/ids.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Verdict } from '../engine/verdicts.ts';
import type { AlertRow, RuleRow } from '../tables.ts';
import * as life from './life-cycle.ts';
import type { AlertQuery, EpisodeStore, Tx } from './store.ts';

/** What a notifier is told: the alert as it was then. */
export interface Message {
  readonly deed: AlertDeed;
  readonly alert: Alert;
  readonly note: string;
}

export interface Episodes {
  /** Opens or closes the episode of a rule and a subject. Twice the same verdict changes nothing. */
  report(verdict: Verdict): Promise<void>;
  /** Reminds, escalates and releases what is due; gives the number of alerts looked at. */
  sweep(): Promise<number>;
  get(alertId: string): Promise<Alert>;
  detail(alertId: string): Promise<AlertDetail>;
  list(query: AlertQuery): Promise<Alert[]>;
  /** CONFLICT when the alert is past it. */
  acknowledge(alertId: string, userId: string | null, comment: string): Promise<Alert>;
  assign(alertId: string, userId: string | null, to: string | null): Promise<Alert>;
  comment(alertId: string, userId: string | null, comment: string): Promise<Alert>;
  /** REQUEST_INVALID for an instant that has passed. */
  snooze(alertId: string, userId: string | null, until: number): Promise<Alert>;
  closeOfRule(ruleId: string, why: string): Promise<void>;
  /** Severities of what is open at the device. */
  severitiesOf(deviceId: string): Promise<readonly Severity[]>;
}

export interface EpisodesDeps {
  readonly store: EpisodeStore;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly metrics: Metrics;
  /** Notifications were written: somebody may send them. */
  readonly onMail: () => void;
}

interface Done {
  readonly deed: AlertDeed;
  readonly row: AlertRow;
}

/** Alerts of one transaction. */
const BATCH = 50;
/** Alerts that the end of a rule closes in one go. */
const MOST_OF_RULE = 100_000;

export function createEpisodes({ store, clock, bus, metrics, onMail }: EpisodesDeps): Episodes {
  const changes = metrics.counter('muster_alert_changes_total', 'What happened to alerts', ['deed', 'severity']);

  /** Runs in a transaction; what it tells the bus is told after the commit. */
  async function record<T>(work: (tx: Tx, tell: (row: AlertRow, deed: AlertDeed) => void) => Promise<T>): Promise<T> {
    const told: { row: AlertRow; deed: AlertDeed }[] = [];
    const result = await store.transaction((tx) => work(tx, (row, deed) => void told.push({ row, deed })));
    for (const { row, deed } of told) {
      changes.inc({ deed, severity: row.severity });
      bus.publish('alert.changed', eventOf(row, clock.now()));
    }
    if (told.length > 0) onMail();
    return result;
  }

  /** Writes the new state with its line in the log and, when people are told, their notifications. */
  async function move(
    tx: Tx,
    row: AlertRow,
    to: Partial<AlertRow>,
    what: { deed: AlertDeed; at: number; userId?: string | null; note: string; tellRule?: RuleRow | null },
  ): Promise<AlertRow> {
    const next = await store.change(tx, row.alert_id, to);
    await store.note(tx, row.alert_id, what.at, what.deed, what.userId ?? null, what.note);
    if (what.tellRule != null) await mail(tx, next, what.tellRule, what.deed, what.note, what.at);
    return next;
  }

  async function mail(tx: Tx, row: AlertRow, rule: RuleRow, deed: AlertDeed, note: string, at: number): Promise<void> {
    const late = row.escalated_at !== null ? rule.escalate_notifiers : [];
    const notifiers = [...new Set([...rule.notifiers, ...late])];
    const message: Message = { deed, alert: toAlert(row), note };
    await store.addNotifications(
      tx,
      notifiers.map((notifier_id) => ({ notification_id: newId(at), notifier_id })),
      { alert_id: row.alert_id, deed, message, created_at: at },
    );
  }

  async function open({ rule, subject, fact, at }: Verdict): Promise<void> {
    await record(async (tx, tell) => {
      const identity = { site_id: subject.siteId, device_id: subject.deviceId, rule_kind: rule.kind };
      const by = await store.suppressor(tx, identity, at);
      const row: AlertRow = {
        ...life.begin(rule.severity, rule, by, at),
        ...identity,
        alert_id: newId(at),
        rule_id: rule.rule_id,
        rule_name: rule.name,
        subject: subject.key,
        fact,
        opened_at: at,
        closed_at: null,
        acknowledged_by: null,
        assigned_to: null,
      };
      if (!(await store.open(tx, row))) return;
      await store.note(tx, row.alert_id, at, 'opened', null, fact);
      if (by !== null) await store.note(tx, row.alert_id, at, 'suppressed', null, whyOf(by));
      else await mail(tx, row, rule, 'opened', fact, at);
      tell(row, 'opened');
    });
  }

  async function close(ruleId: string, subject: string, note: string, at: number, rule: RuleRow | null): Promise<void> {
    await record(async (tx, tell) => {
      const row = await store.lockOpen(tx, ruleId, subject);
      if (row === undefined) return;
      const to = { ...life.closed(row), closed_at: Math.max(at, row.opened_at) };
      const next = await move(tx, row, to, { deed: 'closed', at, note, tellRule: row.told ? rule : null });
      await store.wakeSuppressed(tx, row.alert_id, at);
      tell(next, 'closed');
    });
  }

  /** What time brings to one alert. The row is locked by the transaction. */
  async function look(tx: Tx, row: AlertRow, rule: RuleRow, now: number): Promise<Done | null> {
    const due = life.dueOf(row, now);
    if (due === null) {
      // nothing after all, such as the end of a snooze that was moved: look no more than needed
      await store.change(tx, row.alert_id, { next_at: row.snoozed_until });
      return null;
    }
    const by = await store.suppressor(tx, row, now);
    if (due === 'recheck') {
      if (by !== null) {
        await store.change(tx, row.alert_id, { suppressed_by: by, next_at: now + life.RECHECK_MS });
        return null;
      }
      const what = { deed: 'released', at: now, note: 'nothing stands for it any more', tellRule: rule } as const;
      return { deed: 'released', row: await move(tx, row, life.released(row, rule, now), what) };
    }
    if (by !== null) {
      const what = { deed: 'suppressed', at: now, note: whyOf(by) } as const;
      return { deed: 'suppressed', row: await move(tx, row, life.suppressed(row, by, now), what) };
    }
    if (due === 'escalated') {
      const to = life.escalated(row, rule, (severity) => SEVERITIES.indexOf(severity), now);
      const note = to.severity === row.severity ? 'nobody took it' : `nobody took it: now ${to.severity}`;
      return { deed: 'escalated', row: await move(tx, row, to, { deed: 'escalated', at: now, note, tellRule: rule }) };
    }
    const what = { deed: 'reminded', at: now, note: row.fact, tellRule: rule } as const;
    return { deed: 'reminded', row: await move(tx, row, life.reminded(row, rule, now), what) };
  }

  /** A deed of a person on one alert. */
  async function act(
    alertId: string,
    deed: AlertDeed,
    userId: string | null,
    note: string,
    change: (row: AlertRow, now: number) => Partial<AlertRow>,
  ): Promise<Alert> {
    return record(async (tx, tell) => {
      const now = clock.now();
      const row = await store.lock(tx, alertId);
      if (row === undefined) throw new MusterError('NOT_FOUND', { alertId });
      if (!life.isAllowed(row, deed, now)) {
        const phase = life.phaseOf(row, now);
        throw new MusterError('CONFLICT', { alertId, phase }, { say: `The alert is ${phase} already.` });
      }
      const next = await move(tx, row, change(row, now), { deed, at: now, userId, note });
      tell(next, deed);
      return toAlert(next);
    });
  }

  async function get(alertId: string): Promise<Alert> {
    const row = await store.find(alertId);
    if (row === undefined) throw new MusterError('NOT_FOUND', { alertId });
    return toAlert(row);
  }

  return {
    report: (verdict) =>
      verdict.firing
        ? open(verdict)
        : close(verdict.rule.rule_id, verdict.subject.key, verdict.fact, verdict.at, verdict.rule),

    async sweep() {
      let looked = 0;
      for (;;) {
        const now = clock.now();
        const count = await record(async (tx, tell) => {
          const rows = await store.due(tx, now, BATCH);
          if (rows.length === 0) return 0;
          const rules = await store.rules(
            tx,
            rows.map((row) => row.rule_id),
          );
          for (const row of rows) {
            const rule = rules.get(row.rule_id);
            if (rule === undefined) await store.change(tx, row.alert_id, { next_at: null });
            else {
              const done = await look(tx, row, rule, now);
              if (done !== null) tell(done.row, done.deed);
            }
          }
          return rows.length;
        });
        looked += count;
        if (count < BATCH) return looked;
      }
    },

    get,
    async detail(alertId) {
      const alert = await get(alertId);
      const log = await store.log(alertId);
      return { alert, log: log.map(({ at, deed, user_id, note }) => ({ at, deed, userId: user_id, note })) };
    },
    list: async (query) => (await store.list(query)).map(toAlert),

    acknowledge: (alertId, userId, comment) =>
      act(alertId, 'acknowledged', userId, comment, (row, now) => ({
        ...life.acknowledged(row, now),
        acknowledged_by: userId,
      })),
    assign: (alertId, userId, to) => act(alertId, 'assigned', userId, to ?? 'nobody', () => ({ assigned_to: to })),
    comment: (alertId, userId, comment) => act(alertId, 'commented', userId, comment, (row) => ({ fact: row.fact })),
    async snooze(alertId, userId, until) {
      if (until <= clock.now()) throw new MusterError('REQUEST_INVALID', {}, { say: '`until` has passed already.' });
      return act(alertId, 'snoozed', userId, new Date(until).toISOString(), (row, now) =>
        life.snoozed(row, until, now),
      );
    },

    async closeOfRule(ruleId, why) {
      for (const { subject } of await store.openOfRule(ruleId, MOST_OF_RULE)) {
        await close(ruleId, subject, why, clock.now(), null);
      }
    },
    severitiesOf: async (deviceId) => (await store.severities(deviceId)).map(({ severity }) => severity),
  };
}

function whyOf(by: string): string {
  return by === 'maintenance' ? 'maintenance' : `the device is offline: alert ${by}`;
}

function eventOf(row: AlertRow, at: number): BusEvents['alert.changed'] {
  const { alert_id: alertId, site_id: siteId, device_id: deviceId, severity, state } = row;
  return { alertId, siteId, deviceId, severity, state, at };
}

function toAlert(row: AlertRow): Alert {
  if (row.state === 'closed' && row.closed_at === null) throw bug('a closed alert has no end');
  return {
    alertId: row.alert_id,
    ruleId: row.rule_id,
    ruleKind: row.rule_kind,
    ruleName: row.rule_name,
    siteId: row.site_id,
    deviceId: row.device_id,
    subject: row.subject,
    severity: row.severity,
    state: row.state,
    fact: row.fact,
    openedAt: row.opened_at,
    closedAt: row.closed_at,
    acknowledgedAt: row.acknowledged_at,
    acknowledgedBy: row.acknowledged_by,
    assignedTo: row.assigned_to,
    snoozedUntil: row.snoozed_until,
    escalatedAt: row.escalated_at,
    suppressedBy: row.suppressed_by,
  };
}
