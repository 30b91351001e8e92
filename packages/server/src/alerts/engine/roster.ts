import { codeOf, type Device, type PointValue } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import { kindOf } from '../rulebook/rulebook.ts';
import type { RuleStore } from '../rulebook/store.ts';
import type { Facts } from '../rules/define.ts';
import type { RuleRow } from '../tables.ts';
import { type ActiveRule, createSlot, type Slot, type Subject } from './slot.ts';
import type { StateStore } from './store.ts';
import { createWatch, type Watch } from './watch.ts';

/** The newest point of one series of a device. Instants are epoch ms. */
export interface LatestPoint {
  readonly series: string;
  readonly at: number;
  readonly receivedAt: number;
  readonly value: PointValue;
}

export interface RosterDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly rules: RuleStore;
  readonly states: StateStore;
  readonly mostSubjects: number;
  readonly serverName: string;
  readonly devices: {
    list(options: { sites: null; limit: number; after?: string }): Promise<Device[]>;
    get(deviceId: string): Promise<Device>;
  };
  /** Members of a group, page by page; NOT_FOUND. */
  readonly groupMembers: (groupId: string, page: { after?: string; limit: number }) => Promise<readonly Device[]>;
  readonly latestOf: (deviceId: string) => Promise<readonly LatestPoint[]>;
  /** A slot that fired is watched no more. */
  readonly onDropped: (slot: Slot) => void;
}

const PAGE = 1_000;
/** Rules of all sites that are read at most. */
const MOST_RULES = 20_000;
const NOTHING: Facts = {
  connected: null,
  keepsConnection: null,
  lastSeenAt: null,
  latest: () => null,
  lastPointAt: null,
};

/** Who watches what: the rules of the database at the devices that they apply to. */
export function createRoster(deps: RosterDeps) {
  const watches = new Map<string, Watch>();
  let bySite = new Map<string | null, ActiveRule[]>();
  let members = new Map<string, ReadonlySet<string>>();
  let count = 0;
  let left = 0;

  /** Reads every rule and every device. Slots whose rule did not change keep their state. */
  async function reload(): Promise<void> {
    const rows = await deps.rules.all(MOST_RULES);
    const active = rows.map(activate).filter((rule) => rule !== null);
    const known = new Map([...bySite.values()].flat().map((rule) => [rule.row.rule_id, rule]));
    bySite = new Map();
    for (const rule of active) {
      const before = known.get(rule.row.rule_id);
      const same = before !== undefined && before.row.changed_at === rule.row.changed_at;
      const list = bySite.get(rule.row.site_id) ?? [];
      list.push(same ? before : rule);
      bySite.set(rule.row.site_id, list);
    }
    members = await readGroups(rows);
    await put([{ subject: { key: deps.serverName, deviceId: null, siteId: null }, device: null }]);
    const seen = new Set<string>([deps.serverName]);
    for (let after: string | undefined; ; ) {
      const page = await deps.devices.list({ sites: null, limit: PAGE, ...(after === undefined ? {} : { after }) });
      await put(page.map((device) => ({ subject: subjectOf(device), device })));
      for (const device of page) seen.add(device.deviceId);
      after = page.at(-1)?.deviceId;
      if (page.length < PAGE || after === undefined) break;
    }
    for (const [key, watch] of watches) if (!seen.has(key)) drop(watch);
  }

  async function readGroups(rows: readonly RuleRow[]): Promise<Map<string, ReadonlySet<string>>> {
    const ids = new Set(
      rows.flatMap((row) => (row.scope === 'group' && row.scope_value !== null ? [row.scope_value] : [])),
    );
    const found = new Map<string, ReadonlySet<string>>();
    for (const id of ids) {
      try {
        found.set(id, await membersOf(id));
      } catch (error) {
        if (codeOf(error) !== 'NOT_FOUND') throw error;
        found.set(id, new Set());
      }
    }
    return found;
  }

  async function membersOf(groupId: string): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    for (let after: string | undefined; ; ) {
      const page = await deps.groupMembers(groupId, { limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const { deviceId } of page) ids.add(deviceId);
      after = page.at(-1)?.deviceId;
      if (page.length < PAGE || after === undefined) return ids;
    }
  }

  /** Reads devices anew that were changed, or that nobody knew. */
  async function refresh(deviceIds: readonly string[]): Promise<void> {
    // asked for together they are one query
    const found = await Promise.all(deviceIds.map(find));
    await put(found.flatMap((device) => (device === null ? [] : [{ subject: subjectOf(device), device }])));
  }

  /** Null, and not watched any more, when it is gone. */
  async function find(deviceId: string): Promise<Device | null> {
    try {
      return await deps.devices.get(deviceId);
    } catch (error) {
      if (codeOf(error) !== 'NOT_FOUND') throw error;
      const watch = watches.get(deviceId);
      if (watch !== undefined) drop(watch);
      return null;
    }
  }

  /** Forgets what this server thinks of a device and begins as the database has it: another server knows better. */
  async function renew(deviceId: string): Promise<void> {
    const device = await deps.devices.get(deviceId);
    await put([{ subject: subjectOf(device), device }], true);
  }

  async function put(found: readonly { subject: Subject; device: Device | null }[], isRenewed = false): Promise<void> {
    const changed = found
      .map(({ subject, device }) => ({ subject, device, rules: rulesFor(subject, device) }))
      .filter(({ subject, rules }) => isRenewed || !sameRules(watches.get(subject.key), rules));
    const keys = changed.filter(({ rules }) => rules.length > 0).map(({ subject }) => subject.key);
    const [kept, open] = await Promise.all([deps.states.load(keys), deps.states.open(keys)]);
    for (const { subject, device, rules } of changed) {
      const facts = await factsOf(device, rules);
      const now = deps.clock.now();
      const before = watches.get(subject.key);
      if (before !== undefined) drop(before, new Set(rules.map(({ row }) => row.rule_id)));
      if (rules.length === 0) continue;
      const slots: Slot[] = [];
      for (const rule of rules) {
        if (count >= deps.mostSubjects) {
          left += 1;
          continue;
        }
        const key = `${rule.row.rule_id}/${subject.key}`;
        const old = isRenewed ? undefined : before?.slots.find((slot) => slot.rule === rule);
        const slot = old ?? createSlot(rule, subject, kept.get(key) ?? null, facts, now);
        // what is open in the database is open: a crash may have come between the two writes
        if (old === undefined && slot.state.firing !== open.has(key)) {
          slot.state = { ...slot.state, firing: open.has(key) };
        }
        slots.push(slot);
        count += 1;
      }
      watches.set(subject.key, createWatch(subject, slots));
    }
  }

  function rulesFor(subject: Subject, device: Device | null): ActiveRule[] {
    const rules = bySite.get(subject.siteId) ?? [];
    if (device === null) return rules;
    if (device.state !== 'active') return [];
    return rules.filter(({ row: { scope, scope_value: value } }) => {
      if (scope === 'site') return true;
      if (value === null) return false;
      if (scope === 'device') return value === device.deviceId;
      if (scope === 'profile') return value === device.profile;
      if (scope === 'tag') return device.tags.includes(value);
      return members.get(value)?.has(device.deviceId) ?? false;
    });
  }

  async function factsOf(device: Device | null, rules: readonly ActiveRule[]): Promise<Facts> {
    if (device === null) return NOTHING;
    const points = rules.some(({ kind }) => kind.looksBack === true) ? await deps.latestOf(device.deviceId) : [];
    const bySeries = new Map(points.map((point) => [point.series, point]));
    const lastPointAt = points.reduce<number | null>((last, { receivedAt }) => Math.max(last ?? 0, receivedAt), null);
    const { connected, keepsConnection, lastSeenAt } = device;
    return { connected, keepsConnection, lastSeenAt, lastPointAt, latest: (series) => bySeries.get(series) ?? null };
  }

  function drop(watch: Watch, stays: ReadonlySet<string> = new Set()): void {
    watches.delete(watch.subject.key);
    count -= watch.slots.length;
    for (const slot of watch.slots) {
      if (slot.state.firing && !stays.has(slot.rule.row.rule_id)) deps.onDropped(slot);
    }
  }

  function activate(row: RuleRow): ActiveRule | null {
    try {
      const kind = kindOf(row.kind);
      const params = kind.read(row.params);
      return { row, kind, params, series: kind.series(params) };
    } catch (error) {
      deps.log.error(
        { ruleId: row.rule_id, kind: row.kind, code: codeOf(error) },
        'a rule is not understood; left out',
      );
      return null;
    }
  }

  return {
    watches: watches as ReadonlyMap<string, Watch>,
    reload,
    refresh,
    renew,
    /** Pairs of a rule and a subject. */
    count: () => count,
    /** Pairs that there was no room for. */
    leftOut: () => left,
  };
}

function subjectOf(device: Device): Subject {
  return { key: device.deviceId, deviceId: device.deviceId, siteId: device.siteId };
}

function sameRules(watch: Watch | undefined, rules: readonly ActiveRule[]): boolean {
  if (watch === undefined) return rules.length === 0;
  return watch.slots.length === rules.length && watch.slots.every((slot, index) => slot.rule === rules[index]);
}
