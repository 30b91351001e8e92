import { FINAL_COMMAND_STATES } from '@muster/contract';
import type { Bus, BusEvents } from '../../platform/bus/index.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { AlertsConfig } from '../config.ts';
import type { RuleInput } from '../rules/define.ts';
import { keepStates } from './keeper.ts';
import { createOthers } from './others.ts';
import { createRoster, type LatestPoint, type RosterDeps } from './roster.ts';
import type { Slot } from './slot.ts';
import { stepSlot } from './slot.ts';
import { createVerdictQueue, type Verdict } from './verdicts.ts';
import { slotsOf, stepAll, type Watch } from './watch.ts';

export interface EngineDeps extends Omit<RosterDeps, 'onDropped' | 'mostSubjects'> {
  readonly bus: Bus;
  readonly metrics: Metrics;
  readonly config: AlertsConfig;
  /** Opens or closes an alert. Called again with the same verdict until it resolves. */
  readonly report: (verdict: Verdict) => Promise<void>;
}

/** What the server measured of itself: null is unknown and raises nothing. */
export type ServerMeasures = Readonly<Record<string, number | null>>;

/** When the last certificate of a device ends that holds, epoch ms; null: none holds. */
export interface CertificateEnd {
  readonly deviceId: string;
  readonly endsAt: number | null;
}

/** How often states are written, and rules and groups of other servers are looked for, ms. */
const KEEP_MS = 5_000;
const LOOK_MS = 10_000;
const RELOAD_MS = 300_000;
/** Watches between two breaths of the event loop: about 2 ms. */
const SLICE = 5_000;
/** Devices that wait to be read anew; past it everything is read anew instead. */
const MOST_STALE = 10_000;
const STALE_AT_ONCE = 500;

/** Feeds the rules. A point of a device without rules costs one look into a map. */
export function createEngine(deps: EngineDeps) {
  const { clock, log, bus, config, metrics } = deps;
  const queue = createVerdictQueue({ clock, log, report: deps.report, confirm });
  const roster = createRoster({
    ...deps,
    mostSubjects: config.mostSubjects,
    onDropped: (slot) =>
      queue.add(slot, { firing: false, fact: 'the rule watches it no more', at: clock.now() }, false),
  });
  const others = createOthers({
    slots: allSlots,
    open: deps.states.allOpen,
    isWaiting: queue.has,
    renew: roster.renew,
  });
  const latePoints = metrics.counter('muster_alert_late_points_total', 'Points too old to say anything about now');
  metrics.gauge('muster_alert_subjects', 'Pairs of a rule and what it watches', () => roster.count());
  metrics.gauge('muster_alert_subjects_left_out', 'Pairs that there was no room for', () => roster.leftOut());
  metrics.gauge('muster_alert_verdicts_waiting', 'Slots whose verdict is not written yet', () => queue.size());

  const ends: (() => void)[] = [];
  const stale = new Set<string>();
  const early: { readonly deviceId: string; readonly input: RuleInput }[] = [];
  let staleAll = true;
  let version = '';
  let startedAt = 0;
  let timers: { readonly [name: string]: number } = {};
  let working: Promise<void> = Promise.resolve();
  let stopped = false;

  // lent to the rules, one point after the other
  const point = {
    on: 'points' as const,
    series: '',
    kind: 'number' as const,
    at: 0,
    receivedAt: 0,
    value: 0,
    late: false,
  };
  const lent = point as {
    -readonly [K in keyof Extract<RuleInput, { on: 'points' }>]: Extract<RuleInput, { on: 'points' }>[K];
  };

  function turned(slot: Slot, doubtful = false): void {
    const at = clock.now();
    const fact = slot.rule.kind.fact(slot.state, slot.rule.params, at);
    queue.add(slot, { firing: slot.state.firing, fact, at }, doubtful);
  }

  function onPoints({ batches }: BusEvents['telemetry.stored']): void {
    const now = clock.now();
    for (const batch of batches) {
      const watch = roster.watches.get(batch.deviceId);
      if (watch === undefined) continue;
      lent.receivedAt = batch.receivedAt;
      for (const one of batch.points) {
        const slots = slotsOf(watch, one.series);
        if (slots.length === 0 && watch.anySeries.length === 0) continue;
        lent.series = one.series;
        lent.kind = one.kind;
        lent.at = one.at;
        lent.value = one.value;
        lent.late = batch.receivedAt - one.at > config.lateMs;
        if (lent.late) latePoints.inc();
        for (const slot of slots) if (stepSlot(slot, lent, now)) turned(slot);
        for (const slot of watch.anySeries) if (stepSlot(slot, lent, now)) turned(slot);
      }
    }
  }

  function feed(deviceId: string, topic: keyof Watch['byTopic'], input: RuleInput): void {
    const watch = roster.watches.get(deviceId);
    if (watch === undefined) return;
    stepAll(watch.byTopic[topic], input, clock.now(), (slot) => turned(slot));
  }

  function markStale(deviceId: string): void {
    if (stale.size >= MOST_STALE) staleAll = true;
    else stale.add(deviceId);
  }

  function subscribe(): void {
    ends.push(
      // other servers feed the points that they store to their own rules
      bus.subscribe('telemetry.stored', onPoints, 'here'),
      bus.subscribe('device.connected', ({ deviceId }) => {
        if (!roster.watches.has(deviceId)) markStale(deviceId);
        feed(deviceId, 'link', { on: 'link', connected: true });
      }),
      bus.subscribe('device.disconnected', ({ deviceId, expected }) =>
        feed(deviceId, 'link', { on: 'link', connected: false, expected }),
      ),
      bus.subscribe('command.changed', ({ deviceId, state, name }) => {
        if (FINAL_COMMAND_STATES.has(state)) feed(deviceId, 'commands', { on: 'commands', state, name });
      }),
      bus.subscribe('device.refused', ({ deviceId, code, count }) => {
        const input = { on: 'refused' as const, code, count };
        if (roster.watches.has(deviceId)) return feed(deviceId, 'refused', input);
        // a device so new that no rule watches it yet: its first words may be the hostile ones
        markStale(deviceId);
        if (early.length < MOST_STALE) early.push({ deviceId, input });
      }),
      bus.subscribe('device.event', ({ deviceId, name, level }) =>
        feed(deviceId, 'events', { on: 'events', name, level }),
      ),
      bus.subscribe('device.created', ({ deviceId }) => markStale(deviceId)),
      bus.subscribe('device.changed', ({ deviceId }) => markStale(deviceId)),
      bus.subscribe('device.revoked', ({ deviceId }) => markStale(deviceId)),
    );
  }

  /**
   * Silence seen here may be a device that speaks to another server: the database knows. Points that it has and this
   * rule has not seen are fed before anybody is told.
   */
  async function confirm(slot: Slot, firing: boolean): Promise<boolean> {
    const { deviceId } = slot.subject;
    const { looksBack, looksAtLink } = slot.rule.kind;
    if (deviceId === null || (looksBack !== true && looksAtLink !== true)) return true;
    const now = clock.now();
    if (looksAtLink === true) {
      const { connected, keepsConnection } = await deps.devices.get(deviceId);
      const expected = keepsConnection !== true;
      stepSlot(slot, connected ? { on: 'link', connected } : { on: 'link', connected, expected }, now);
      return slot.state.firing === firing;
    }
    const latest = await deps.latestOf(deviceId);
    for (const one of latest) {
      if (slot.rule.series !== null && one.series !== slot.rule.series) continue;
      stepSlot(slot, inputOf(one, config.lateMs), now);
    }
    return slot.state.firing === firing;
  }

  /** Each is run when its time has come; one at a time, so that a slow database makes them rarer, not more. */
  async function work(): Promise<void> {
    const now = clock.monotonic();
    if (now - (timers.look ?? Number.NEGATIVE_INFINITY) >= LOOK_MS) {
      timers = { ...timers, look: now };
      const found = await deps.rules.version();
      if (found !== version) staleAll = true;
      version = found;
      if (bus.state() !== null) await others.look();
    }
    if (now - (timers.reload ?? 0) >= RELOAD_MS) staleAll = true;
    if (staleAll) {
      staleAll = false;
      stale.clear();
      timers = { ...timers, reload: now };
      try {
        await roster.reload();
      } catch (error) {
        staleAll = true;
        throw error;
      }
    }
    await refreshStale();
    for (const { deviceId, input } of early.splice(0)) feed(deviceId, 'refused', input);
    if (clock.monotonic() - startedAt >= config.startGraceMs) await tick();
    if (now - (timers.keep ?? 0) >= KEEP_MS) {
      timers = { ...timers, keep: now };
      await keepStates(deps.states, allSlots());
    }
  }

  async function refreshStale(): Promise<void> {
    while (stale.size > 0) {
      const page = [...stale].slice(0, STALE_AT_ONCE);
      for (const deviceId of page) stale.delete(deviceId);
      try {
        await roster.refresh(page);
      } catch (error) {
        for (const deviceId of page) markStale(deviceId);
        throw error;
      }
    }
  }

  async function tick(): Promise<void> {
    const input = { on: 'tick' } as const;
    let breath = 0;
    for (const watch of roster.watches.values()) {
      stepAll(watch.byTopic.tick, input, clock.now(), (slot) => turned(slot, true));
      breath += 1;
      if (breath % SLICE === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  function* allSlots(): Generator<Slot> {
    for (const watch of roster.watches.values()) yield* watch.slots;
  }

  function plan(): void {
    if (stopped) return;
    ends[0] = clock.after(config.tickMs, () => {
      working = work()
        .catch((error: unknown) => log.warn({ err: error }, 'the alert rules could not be kept up; trying again'))
        .finally(plan);
    });
  }

  return {
    /** Reads the rules and what they remember; resolves when every device is watched. */
    async start(): Promise<void> {
      startedAt = clock.monotonic();
      ends.push(() => undefined);
      subscribe();
      await work();
      plan();
    },

    async stop(): Promise<void> {
      stopped = true;
      for (const end of ends) end();
      await working;
      await queue.stop();
      await keepStates(deps.states, allSlots());
    },

    /** Rules changed here: they are read again at the next tick. */
    rulesChanged(): void {
      staleAll = true;
    },

    /** The server's own measures, now. */
    measured(measures: ServerMeasures): void {
      const at = clock.now();
      const points = Object.entries(measures).flatMap(([series, value]) =>
        value === null ? [] : [{ series, kind: 'number' as const, at, value }],
      );
      onPoints({ batches: [{ deviceId: deps.serverName, siteId: '', receivedAt: at, points }] });
    },

    /** When certificates of devices end. */
    certificates(ends: readonly CertificateEnd[]): void {
      for (const { deviceId, endsAt } of ends) feed(deviceId, 'certificate', { on: 'certificate', endsAt });
    },

    /** For tests and the stop: every verdict so far is written, or will be tried again. */
    settled: () => queue.settled(),
  };
}

function inputOf(point: LatestPoint, lateMs: number): RuleInput {
  const { series, at, receivedAt, value } = point;
  const kind = typeof value === 'object' ? 'object' : (typeof value as 'number' | 'boolean' | 'string');
  return { on: 'points', series, kind, at, receivedAt, value, late: receivedAt - at > lateMs };
}
