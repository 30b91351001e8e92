import { type Command, type CommandReply, LIMITS, MusterError } from '@muster/contract';
import type { Pool } from 'pg';
import type { Audit } from '../accounts/index.ts';
import type { DeviceLink, DeviceLinks } from '../devices/index.ts';
import type { Bus } from '../platform/bus/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { type CommandsConfig, IDEMPOTENCY_MS } from './config.ts';
import { createDelivery } from './delivery.ts';
import { type CommandRules, createDispatcher, type DispatchRequest } from './dispatch.ts';
import { createBusyKeys } from './idempotency.ts';
import { type CommandEvent, isFinal } from './life-cycle.ts';
import { createMissed } from './missed.ts';
import { createRuns, type Runs } from './runs/index.ts';
import { type CommandRow, createCommandStore, toCommand } from './store.ts';
import { createWaiters } from './waiters.ts';

export interface Commands {
  /**
   * Stores a command, then sends it as soon as the device can take it. `isNew` false: the idempotency key stands for
   * this one already. COMMAND_UNKNOWN, COMMAND_INVALID, COMMAND_QUEUE_FULL, IDEMPOTENCY_MISMATCH, IDEMPOTENCY_BUSY.
   */
  dispatch(request: DispatchRequest): Promise<{ readonly command: Command; readonly isNew: boolean }>;
  /**
   * The device says something about a command. Resolves when that is stored; what comes late or again changes nothing.
   * NOT_FOUND for a command that is not the device's.
   */
  reply(device: { readonly deviceId: string }, reply: CommandReply): Promise<void>;
  /** A connection can take commands now: what waits goes out on it. */
  deviceReady(link: DeviceLink): void;
  /** NOT_FOUND. */
  get(commandId: string): Promise<Command>;
  /** Those of these that there are, in no order. */
  getAll(commandIds: readonly string[]): Promise<Command[]>;
  /** Newest first. */
  list(deviceId: string, limit: number, after: string | null): Promise<Command[]>;
  /** What has not ended at a site, newest first. */
  openOf(siteId: string, limit: number): Promise<Command[]>;
  /** The command when it has ended, or as it is after `ms` or when `signal` is aborted. */
  wait(commandId: string, ms: number, signal?: AbortSignal): Promise<Command>;
  /** Only one that was not sent: COMMAND_ENDED, or CONFLICT when it is with the device already. */
  cancel(commandId: string): Promise<Command>;
  /** The same command to many devices. */
  readonly runs: Runs;
  start(): void;
  stop(): Promise<void>;
}

export interface CommandsDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: Bus;
  readonly metrics: Metrics;
  readonly config: CommandsConfig;
  readonly links: DeviceLinks;
  readonly audit: Pick<Audit, 'appendWith'>;
  /** What the device's profile says of a command; undefined when it says nothing about commands. */
  readonly rulesOf: (deviceId: string, name: string) => Promise<CommandRules | null | undefined>;
}

const REPLIES: Readonly<Record<Exclude<CommandReply['state'], 'progress'>, CommandEvent>> = {
  acked: 'ack',
  confirmed: 'confirm',
  rejected: 'reject',
  failed: 'fail',
};
/** Commands past their deadline that are ended by one statement. */
const EXPIRE_A_TURN = 1_000;
/** Old ones are looked for so often, ms; sooner while there are more. */
const PRUNE_MS = 3_600_000;
const PRUNE_ON_MS = 1_000;
/** Longest sleep between two looks at deadlines, ms: another server may have stored an earlier one. */
const MOST_SLEEP_MS = 5_000;

export function createCommands(deps: CommandsDeps): Commands {
  const { clock, log, bus, metrics, config } = deps;
  const store = createCommandStore(deps.pool);
  const waiters = createWaiters(clock);
  const busyKeys = createBusyKeys();
  const dispatcher = createDispatcher({
    store,
    clock,
    busyKeys,
    audit: deps.audit,
    rulesOf: deps.rulesOf,
    onStored: stored,
    get,
  });
  const runs = createRuns({
    pool: deps.pool,
    clock,
    log,
    bus,
    busyKeys,
    audit: deps.audit,
    dispatcher,
    onStored: stored,
    onChange: changed,
  });
  const states = metrics.counter('muster_commands_total', 'Commands that came to a state', ['state', 'class']);
  const dropped = metrics.counter('muster_command_replies_dropped_total', 'Answers that changed nothing', ['reason']);
  const roundTrip = metrics.histogram(
    'muster_command_seconds',
    'From a command stored to its final state',
    ['class', 'state'],
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  );
  metrics.gauge('muster_command_waiters', 'Requests that wait for the end of a command', () => waiters.count());
  const delivery = createDelivery({ store, clock, log, links: deps.links, config, onChange: changed });
  bus.subscribe('command.queued', ({ deviceId, commandId }) => delivery.queued(deviceId, commandId));
  bus.subscribe('command.changed', ({ commandId, deviceId, state }, origin) => {
    if (!isFinal(state)) return;
    if (origin === 'elsewhere') delivery.ended(deviceId, commandId);
    waiters.wake(commandId);
  });

  const missed = createMissed({
    clock,
    log,
    bus,
    links: deps.links,
    openFor: store.openFor,
    onOpen: delivery.open,
    waitedFor: waiters.ids,
    endedOf: async (commandIds) =>
      (await store.findAll(commandIds)).flatMap((row) => (isFinal(row.state) ? [row.command_id] : [])),
    onEnded: waiters.wake,
  });

  function changed(row: CommandRow): void {
    const { command_id: commandId, device_id: deviceId, site_id: siteId, name, state } = row;
    const at = clock.now();
    states.inc({ state, class: row.class });
    if (isFinal(state)) {
      roundTrip.observe({ class: row.class, state }, Math.max(0, at - row.created_at) / 1_000);
      delivery.ended(deviceId, commandId);
    }
    const run = row.run_id === null ? {} : { runId: row.run_id };
    bus.publish('command.changed', { commandId, deviceId, siteId, name, state, at, ...run });
  }

  function stored(row: CommandRow): void {
    changed(row);
    wakeBy(row.deadline_at);
    bus.publish('command.queued', { deviceId: row.device_id, commandId: row.command_id });
  }

  async function get(commandId: string): Promise<Command> {
    const row = await store.find(commandId);
    if (row === undefined) throw new MusterError('NOT_FOUND', { commandId });
    return toCommand(row);
  }

  /** An answer that changed nothing: late or again, which is no fault, or about a command of somebody else. */
  async function dropReply(commandId: string, deviceId: string): Promise<void> {
    const row = await store.find(commandId);
    if (row?.device_id !== deviceId) {
      dropped.inc({ reason: 'foreign' });
      throw new MusterError('NOT_FOUND', { commandId });
    }
    dropped.inc({ reason: 'late' });
  }

  // --- deadlines --------------------------------------------------------------------------------------------------

  let wakeAt = Number.POSITIVE_INFINITY;
  let cancelWake = (): void => undefined;
  let cancelPrune = (): void => undefined;
  let looking: Promise<void> = Promise.resolve();
  let stopped = false;

  function wakeBy(at: number): void {
    if (stopped || at >= wakeAt) return;
    wakeAt = at;
    cancelWake();
    cancelWake = clock.after(Math.max(0, at - clock.now()), look);
  }

  function look(): void {
    wakeAt = Number.POSITIVE_INFINITY;
    looking = expire()
      .catch((error: unknown) => log.warn({ err: error }, 'deadlines of commands could not be looked at; trying again'))
      .then(() => wakeBy(clock.now() + MOST_SLEEP_MS));
  }

  async function expire(): Promise<void> {
    for (;;) {
      const rows = await store.expire(clock.now(), EXPIRE_A_TURN);
      for (const row of rows) changed(row);
      if (rows.length < EXPIRE_A_TURN) break;
    }
    const at = await store.nextDeadline();
    if (at !== null) wakeBy(Math.max(at, clock.now() + 10));
  }

  function prune(): void {
    const now = clock.now();
    const endedBefore = now - config.keepDays * 86_400_000;
    runs
      .prune(endedBefore)
      .then(() => store.prune(endedBefore, now - IDEMPOTENCY_MS))
      .catch((error: unknown) => {
        log.warn({ err: error }, 'old commands could not be removed');
        return false;
      })
      .then((isMore) => {
        if (!stopped) cancelPrune = clock.after(isMore ? PRUNE_ON_MS : PRUNE_MS, prune);
      });
  }

  return {
    get,
    runs,
    getAll: async (commandIds) => (await store.findAll(commandIds)).map(toCommand),
    list: async (deviceId, limit, after) => (await store.list(deviceId, limit, after)).map(toCommand),
    openOf: async (siteId, limit) => (await store.openOf(siteId, limit)).map(toCommand),
    deviceReady: (link) => delivery.ready(link),
    dispatch: (request) => dispatcher.dispatch(request),

    async reply({ deviceId }, reply) {
      const { commandId, state } = reply;
      if (reply.result !== undefined && Buffer.byteLength(JSON.stringify(reply.result)) > LIMITS.commandBytes) {
        const say = `The result is larger than ${LIMITS.commandBytes} bytes.`;
        throw new MusterError('MESSAGE_INVALID', { commandId }, { say });
      }
      const now = clock.now();
      if (state === 'progress' || state === 'acked') {
        // who makes progress has it
        const acked = await store.apply(commandId, deviceId, 'ack', now);
        if (acked !== undefined) changed(acked);
        const moved = reply.progress === undefined ? acked : await store.progress(commandId, deviceId, reply.progress);
        if (moved === undefined) return dropReply(commandId, deviceId);
        if (acked === undefined) changed(moved);
        return;
      }
      const ended = await store.apply(commandId, deviceId, REPLIES[state], now, factsOf(reply));
      if (ended === undefined) return dropReply(commandId, deviceId);
      changed(ended);
    },

    wait: (commandId, ms, signal) =>
      waiters.wait(
        commandId,
        { ms, signal },
        () => get(commandId),
        ({ state }) => isFinal(state),
      ),

    async cancel(commandId) {
      const row = await store.apply(commandId, null, 'cancel', clock.now());
      if (row !== undefined) {
        changed(row);
        return toCommand(row);
      }
      const { state } = await get(commandId);
      if (isFinal(state)) throw new MusterError('COMMAND_ENDED', { commandId, state });
      const say = 'The command was sent to the device already; it cannot be called back.';
      throw new MusterError('CONFLICT', { commandId, state }, { say });
    },

    start() {
      runs.start();
      missed.start();
      look();
      prune();
    },
    async stop() {
      stopped = true;
      cancelWake();
      cancelPrune();
      waiters.stop();
      await missed.stop();
      await looking;
      await runs.stop();
      await delivery.stop();
    },
  };
}

function factsOf({ state, result, error }: CommandReply) {
  if (state === 'confirmed') return { result: result ?? null };
  const code = error?.code ?? 'DEVICE_ERROR';
  const message = error?.message ?? (state === 'rejected' ? 'The device refused the command.' : 'The device failed.');
  return { error: { code, message }, ...(result === undefined ? {} : { result }) };
}
