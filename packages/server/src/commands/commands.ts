import { createHash } from 'node:crypto';
import { type Command, type CommandClass, type CommandReply, LIMITS, MusterError } from '@muster/contract';
import type { Pool } from 'pg';
import type { DeviceLink, DeviceLinks } from '../devices/index.ts';
import type { Bus } from '../platform/bus/index.ts';
import type { Clock } from '../platform/clock.ts';
import { newId } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { CLASSES, type CommandsConfig, IDEMPOTENCY_MS } from './config.ts';
import { createDelivery } from './delivery.ts';
import { type CommandEvent, isFinal } from './life-cycle.ts';
import { type CommandRow, createCommandStore, toCommand } from './store.ts';

/** What a profile says of a command; null: the profile lists commands, and this is none of them. */
export interface CommandRules {
  readonly commandClass: CommandClass;
  readonly deadlineMs: number | null;
  /** What is wrong with the arguments, a line each; empty when they fit. */
  readonly check: (args: unknown) => readonly string[];
}

export interface DispatchRequest {
  readonly deviceId: string;
  readonly siteId: string;
  readonly name: string;
  readonly args: { readonly [key: string]: unknown };
  readonly commandClass?: CommandClass | undefined;
  readonly deadlineMs?: number | undefined;
  /** `user:…`, `rule:…`, `assistant`: idempotency keys are of one sender. */
  readonly sentBy: string;
  readonly idempotencyKey?: string | undefined;
  readonly runId?: string | undefined;
}

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
  /** Newest first. */
  list(deviceId: string, limit: number, after: string | null): Promise<Command[]>;
  /** The command when it has ended, or as it is after `ms` or when `signal` is aborted. */
  wait(commandId: string, ms: number, signal?: AbortSignal): Promise<Command>;
  /** Only one that was not sent: COMMAND_ENDED, or CONFLICT when it is with the device already. */
  cancel(commandId: string): Promise<Command>;
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
  /** What the device's profile says of a command; undefined when it says nothing about commands. */
  readonly rulesOf: (deviceId: string, name: string) => Promise<CommandRules | null | undefined>;
}

const REPLIES: Readonly<Record<Exclude<CommandReply['state'], 'progress'>, CommandEvent>> = {
  acked: 'ack',
  confirmed: 'confirm',
  rejected: 'reject',
  failed: 'fail',
};
/** Ended a turn; and old ones looked for so often, ms. */
const EXPIRE_A_TURN = 1_000;
const PRUNE_MS = 3_600_000;
/** Longest sleep between two looks at deadlines, ms: another server may have stored an earlier one. */
const MOST_SLEEP_MS = 5_000;

export function createCommands(deps: CommandsDeps): Commands {
  const { clock, log, bus, metrics, config } = deps;
  const store = createCommandStore(deps.pool);
  const waiters = new Map<string, Set<() => void>>();
  const busyKeys = new Set<string>();
  const states = metrics.counter('muster_commands_total', 'Commands that came to a state', ['state', 'class']);
  const dropped = metrics.counter('muster_command_replies_dropped_total', 'Answers that changed nothing', ['reason']);
  const roundTrip = metrics.histogram(
    'muster_command_seconds',
    'From a command stored to its final state',
    ['class', 'state'],
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  );
  const delivery = createDelivery({ store, clock, log, links: deps.links, config, onChange: changed });
  bus.subscribe('command.queued', ({ deviceId, commandId }) => delivery.queued(deviceId, commandId));
  bus.subscribe('command.changed', ({ commandId, deviceId, state }, origin) => {
    if (!isFinal(state)) return;
    if (origin === 'elsewhere') delivery.ended(deviceId, commandId);
    for (const wake of waiters.get(commandId) ?? []) wake();
  });

  function changed(row: CommandRow): void {
    const { command_id: commandId, device_id: deviceId, site_id: siteId, name, state } = row;
    const at = clock.now();
    states.inc({ state, class: row.class });
    if (isFinal(state)) {
      roundTrip.observe({ class: row.class, state }, Math.max(0, at - row.created_at) / 1_000);
      delivery.ended(deviceId, commandId);
    }
    bus.publish('command.changed', { commandId, deviceId, siteId, name, state, at });
  }

  async function make(request: DispatchRequest): Promise<CommandRow> {
    const { deviceId, siteId, name, args, sentBy } = request;
    const text = JSON.stringify(args);
    if (text.length > LIMITS.commandBytes) {
      const say = `The arguments are larger than ${LIMITS.commandBytes} bytes.`;
      throw new MusterError('COMMAND_INVALID', { name }, { say });
    }
    const rules = await deps.rulesOf(deviceId, name);
    if (rules === null) throw new MusterError('COMMAND_UNKNOWN', { name });
    const faults = rules?.check(args) ?? [];
    if (faults.length > 0) throw new MusterError('COMMAND_INVALID', { name }, { say: faults.join('\n') });
    const commandClass = request.commandClass ?? rules?.commandClass ?? 'act';
    const now = clock.now();
    const deadlineMs = request.deadlineMs ?? rules?.deadlineMs ?? CLASSES[commandClass].deadlineMs;
    return {
      command_id: newId(now),
      device_id: deviceId,
      site_id: siteId,
      name,
      args,
      class: commandClass,
      state: 'queued',
      progress: null,
      result: null,
      error: null,
      attempts: 0,
      sent_by: sentBy,
      run_id: request.runId ?? null,
      created_at: now,
      deadline_at: now + deadlineMs,
      sent_at: null,
      acked_at: null,
      ended_at: null,
    };
  }

  async function insert(request: DispatchRequest): Promise<{ command: Command; isNew: boolean }> {
    const row = await make(request);
    const { idempotencyKey: key } = request;
    const hash = hashOf(request);
    const done = await store.insert(row, key === undefined ? null : { key, hash }, LIMITS.commandsPerDevice);
    if (done === null) throw new MusterError('COMMAND_QUEUE_FULL', { limit: LIMITS.commandsPerDevice });
    if (done.known !== null) {
      if (!done.known.hash.equals(hash)) throw new MusterError('IDEMPOTENCY_MISMATCH');
      return { command: await get(done.known.commandId), isNew: false };
    }
    changed(row);
    wakeBy(row.deadline_at);
    bus.publish('command.queued', { deviceId: row.device_id, commandId: row.command_id });
    return { command: toCommand(row), isNew: true };
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
    store
      .prune(now - config.keepDays * 86_400_000, now - IDEMPOTENCY_MS)
      .catch((error: unknown) => log.warn({ err: error }, 'old commands could not be removed'))
      .finally(() => {
        if (!stopped) cancelPrune = clock.after(PRUNE_MS, prune);
      });
  }

  return {
    get,
    list: async (deviceId, limit, after) => (await store.list(deviceId, limit, after)).map(toCommand),
    deviceReady: (link) => delivery.ready(link),

    async dispatch(request) {
      const { idempotencyKey: key, sentBy } = request;
      if (key === undefined) return insert(request);
      const busy = `${sentBy} ${key}`;
      if (busyKeys.has(busy)) throw new MusterError('IDEMPOTENCY_BUSY');
      busyKeys.add(busy);
      try {
        return await insert(request);
      } finally {
        busyKeys.delete(busy);
      }
    },

    async reply({ deviceId }, reply) {
      const { commandId, state } = reply;
      if (reply.result !== undefined && JSON.stringify(reply.result).length > LIMITS.commandBytes) {
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

    async wait(commandId, ms, signal) {
      const woken = Promise.withResolvers<void>();
      const wake = (): void => woken.resolve();
      const set = waiters.get(commandId) ?? new Set();
      waiters.set(commandId, set.add(wake));
      const cancel = clock.after(ms, wake);
      signal?.addEventListener('abort', wake, { once: true });
      try {
        const command = await get(commandId);
        if (isFinal(command.state)) return command;
        await woken.promise;
        return await get(commandId);
      } finally {
        cancel();
        signal?.removeEventListener('abort', wake);
        set.delete(wake);
        if (set.size === 0) waiters.delete(commandId);
      }
    },

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
      look();
      prune();
    },
    async stop() {
      stopped = true;
      cancelWake();
      cancelPrune();
      for (const set of waiters.values()) for (const wake of set) wake();
      await looking;
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

/** What makes two requests the same. */
function hashOf({ deviceId, name, args, commandClass, deadlineMs }: DispatchRequest): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([deviceId, name, args, commandClass ?? null, deadlineMs ?? null]))
    .digest();
}
