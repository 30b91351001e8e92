import {
  type CommandRun,
  type CommandRunDevice,
  type CommandRunRequest,
  codeOf,
  MOST_RUN_DEVICES,
  MusterError,
} from '@muster/contract';
import type { Pool } from 'pg';
import type { Audit } from '../../accounts/index.ts';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { newId } from '../../platform/ids.ts';
import type { Logger } from '../../platform/log.ts';
import type { Dispatcher } from '../dispatch.ts';
import { type BusyKeys, hashOf, sameRequest } from '../idempotency.ts';
import type { CommandRow } from '../store.ts';
import { createWaiters } from '../waiters.ts';
import { createFeed } from './feed.ts';
import { createRunStore, type Refusal, type RunRow } from './store.ts';

export interface RunRequest extends Omit<CommandRunRequest, 'atOnce'> {
  readonly siteId: string;
  readonly groupId: string;
  readonly atOnce: number;
  readonly sentBy: string;
  readonly idempotencyKey?: string | undefined;
  /** The devices of the group, page by page: they are the run's from now on, whoever joins or leaves the group. */
  readonly members: () => AsyncIterable<readonly string[]>;
}

/** One command to many devices, some at a time. It survives a restart and may be kept going by several servers. */
export interface Runs {
  /**
   * Stores the run with its devices, then begins. REQUEST_INVALID for a group that is too large, COMMAND_QUEUE_FULL
   * when too many runs of the site go on, IDEMPOTENCY_MISMATCH, IDEMPOTENCY_BUSY.
   */
  create(request: RunRequest): Promise<{ readonly run: CommandRun; readonly isNew: boolean }>;
  /** NOT_FOUND. */
  get(runId: string): Promise<CommandRun>;
  /** Newest first; `sites` null: of every site. */
  list(options: {
    readonly sites: readonly string[] | null;
    readonly siteId?: string | undefined;
    readonly groupId?: string | undefined;
    readonly limit: number;
    readonly after?: string | undefined;
  }): Promise<CommandRun[]>;
  /** How it went on each device, by the id of the device; `failed`: only where it went wrong. */
  devices(
    runId: string,
    page: { readonly failed: boolean; readonly limit: number; readonly after?: string | undefined },
  ): Promise<CommandRunDevice[]>;
  /** Sends no more, and cancels what was not sent. COMMAND_ENDED, NOT_FOUND. */
  cancel(runId: string): Promise<CommandRun>;
  /** The run when it goes on no more, or as it is after `ms` or when `signal` is aborted. */
  wait(runId: string, ms: number, signal?: AbortSignal): Promise<CommandRun>;
  /** Forgets those that ended before. */
  prune(endedBefore: number): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

/** Runs of one site that may go on at a time. */
const MOST_RUNNING = 50;

export function createRuns(deps: {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: Bus;
  readonly busyKeys: BusyKeys;
  readonly audit: Pick<Audit, 'appendWith'>;
  readonly dispatcher: Pick<Dispatcher, 'prepare'>;
  readonly onStored: (row: CommandRow) => void;
  readonly onChange: (row: CommandRow) => void;
}): Runs {
  const { clock, log, bus } = deps;
  const store = createRunStore(deps.pool);
  const waiters = createWaiters(clock);
  const feed = createFeed({ store, clock, log, bus, prepare, onStored: deps.onStored, onChange: deps.onChange });
  bus.subscribe('run.changed', ({ runId, state }) => {
    if (state !== 'running') waiters.wake(runId);
  });

  /** What is wrong with one device must not hold up the others; what is wrong with the server must. */
  async function prepare(run: RunRow, deviceId: string): Promise<CommandRow | Refusal> {
    try {
      return await deps.dispatcher.prepare({
        deviceId,
        siteId: run.site_id,
        name: run.name,
        args: run.args,
        commandClass: run.class ?? undefined,
        deadlineMs: run.deadline_ms ?? undefined,
        sentBy: run.sent_by,
        runId: run.run_id,
      });
    } catch (error) {
      if (!(error instanceof MusterError) || error.retryable) throw error;
      return { code: codeOf(error), message: error.message };
    }
  }

  async function get(runId: string): Promise<CommandRun> {
    const run = await store.find(runId);
    if (run === undefined) throw new MusterError('NOT_FOUND', { runId });
    return run;
  }

  async function create(request: RunRequest): Promise<{ run: CommandRun; isNew: boolean }> {
    const { idempotencyKey: key, sentBy } = request;
    const hash = hashOfRequest(request);
    // a group may have many devices: they are not read for a request that was made before
    const before = key === undefined ? undefined : await store.known(sentBy, key);
    if (before !== undefined) return { run: await get(sameRequest(before, hash)), isNew: false };
    const deviceIds = await read(request.members());
    const now = clock.now();
    const row: RunRow = {
      run_id: newId(now),
      site_id: request.siteId,
      group_id: request.groupId,
      name: request.name,
      args: request.args ?? {},
      class: request.commandClass ?? null,
      deadline_ms: request.deadlineMs ?? null,
      at_once: request.atOnce,
      stop_after_failures: request.stopAfterFailures ?? null,
      sent_by: sentBy,
      state: 'running',
      created_at: now,
      ended_at: null,
    };
    const done = await store.insert(
      row,
      deviceIds,
      key === undefined ? null : { key, hash },
      MOST_RUNNING,
      (client) => {
        const { groupId, name, args } = request;
        const after = { runId: row.run_id, name, args, sentBy, devices: deviceIds.length };
        const target = { kind: 'group', id: groupId };
        return deps.audit.appendWith(client, [{ action: 'command.send', siteId: request.siteId, target, after }]);
      },
    );
    if (done === null) {
      const say = `A site has at most ${MOST_RUNNING} runs at a time. Wait for one to end, or cancel it.`;
      throw new MusterError('COMMAND_QUEUE_FULL', { limit: MOST_RUNNING }, { say });
    }
    if (done.known !== null) return { run: await get(sameRequest(done.known, hash)), isNew: false };
    const run = await get(row.run_id);
    feed.wake(row.run_id);
    return { run, isNew: true };
  }

  return {
    get,
    create: (request) => deps.busyKeys.once(request.sentBy, request.idempotencyKey, () => create(request)),
    list: (options) => store.list(options),
    devices: (runId, page) => store.devices(runId, page),
    wait: (runId, ms, signal) =>
      waiters.wait(
        runId,
        { ms, signal },
        () => get(runId),
        ({ state }) => state !== 'running',
      ),

    async cancel(runId) {
      const step = await store.cancel(runId, clock.now());
      if (step !== undefined) {
        feed.tell(step);
        return get(runId);
      }
      const { state } = await get(runId);
      throw new MusterError('COMMAND_ENDED', { runId, state }, { say: 'The run has ended already.' });
    },

    prune: (endedBefore) => store.prune(endedBefore),
    start: () => feed.start(),
    async stop() {
      waiters.stop();
      await feed.stop();
    },
  };
}

/** All of them, once each. REQUEST_INVALID past the most. */
async function read(pages: AsyncIterable<readonly string[]>): Promise<readonly string[]> {
  const deviceIds = new Set<string>();
  for await (const page of pages) {
    for (const deviceId of page) deviceIds.add(deviceId);
    if (deviceIds.size <= MOST_RUN_DEVICES) continue;
    const say = `The group has more than ${MOST_RUN_DEVICES} devices: make groups that are smaller.`;
    throw new MusterError('REQUEST_INVALID', {}, { say });
  }
  return [...deviceIds];
}

/** What makes two requests the same: never those of single commands. */
function hashOfRequest(request: RunRequest): Buffer {
  const { groupId, name, args = {}, commandClass, deadlineMs, atOnce, stopAfterFailures } = request;
  return hashOf([
    'run',
    groupId,
    name,
    args,
    commandClass ?? null,
    deadlineMs ?? null,
    atOnce,
    stopAfterFailures ?? null,
  ]);
}
