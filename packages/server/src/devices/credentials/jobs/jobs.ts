import { codeOf, MOST_JOB_DEVICES, MusterError, type RotationJob, type RotationJobDevice } from '@muster/contract';
import type { Pool } from 'pg';
import type { Bus } from '../../../platform/bus/index.ts';
import type { Clock } from '../../../platform/clock.ts';
import { afterCommit, inOneUnit } from '../../../platform/db/index.ts';
import { newId } from '../../../platform/ids.ts';
import type { Logger } from '../../../platform/log.ts';
import type { Rotations } from '../rotations.ts';
import { createJobStore, type JobRow } from './store.ts';

export interface JobRequest {
  readonly siteId: string;
  readonly groupId: string | null;
  readonly tag: string | null;
  readonly atOnce: number;
  readonly graceMs: number;
  readonly giveUpMs: number;
  readonly startedBy: string;
  /** Those that it is about: they are the job's from now on. */
  readonly devices: () => AsyncIterable<{ readonly deviceId: string }>;
}

/**
 * New tokens for many devices, some at a time: as a run of commands, its devices are fixed when it begins and its row is
 * locked by the server that goes on with it, so that it survives the end of a server and several may keep it going.
 */
export interface RotationJobs {
  /** REQUEST_INVALID past the most devices. */
  create(request: JobRequest): Promise<RotationJob>;
  /** NOT_FOUND. */
  get(jobId: string): Promise<RotationJob>;
  list(options: Parameters<ReturnType<typeof createJobStore>['list']>[0]): Promise<RotationJob[]>;
  devices(
    jobId: string,
    page: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<RotationJobDevice[]>;
  /** Begins no more, and takes back what no device was told. CONFLICT when it has ended. */
  cancel(jobId: string): Promise<RotationJob>;
  start(): void;
  stop(): Promise<void>;
}

/** All that go on are looked at so often, ms: devices come back, graces end, servers die. */
const ROUND_MS = 2_000;

export function createRotationJobs(deps: {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Logger;
  readonly rotations: Pick<Rotations, 'begin' | 'cancel'>;
}): RotationJobs {
  const { clock, bus, log, rotations } = deps;
  const store = createJobStore(deps.pool);
  let working: Promise<void> | null = null;
  let again = false;
  let stopped = false;
  let cancelRound = (): void => undefined;
  let unsubscribe = (): void => undefined;

  async function get(jobId: string): Promise<RotationJob> {
    const job = await store.find(jobId);
    if (job === undefined) throw new MusterError('NOT_FOUND', { jobId });
    return job;
  }

  /** Goes on with a job; true when there is more to do at once. All of a step is stored together, or nothing. */
  const step = (jobId: string): Promise<boolean> =>
    inOneUnit(async () => {
      const job = await store.lock(jobId, false);
      if (job === undefined) return false;
      const { told, open, left } = await store.tally(jobId);
      const isOver = left === 0 ? open === 0 : clock.now() >= job.gives_up_at;
      if (isOver) {
        await store.end(jobId, 'done', clock.now());
        return false;
      }
      const next = left === 0 ? [] : await store.next(jobId, Math.max(0, job.at_once - told));
      for (const device of next) await begin(job, device);
      return next.length > 0;
    });

  /** What is wrong with one device must not hold up the others; what is wrong with the server must. */
  async function begin(job: JobRow, device: Parameters<Rotations['begin']>[0]): Promise<void> {
    const { deviceId } = device;
    try {
      const { rotation } = await rotations.begin(device, { graceMs: job.grace_ms, jobId: job.job_id });
      await store.begun(job.job_id, deviceId, rotation.rotationId, null);
    } catch (error) {
      if (!(error instanceof MusterError) || error.retryable) throw error;
      await store.begun(job.job_id, deviceId, null, `${codeOf(error)} ${error.message}`);
    }
  }

  async function work(): Promise<void> {
    for (const jobId of await store.running()) while (!stopped && (await step(jobId)));
  }

  function wake(): void {
    if (stopped) return;
    if (working !== null) {
      again = true;
      return;
    }
    cancelRound();
    working = work()
      .catch((error: unknown) => log.warn({ err: error }, 'a job of new tokens could not go on; trying again'))
      .finally(() => {
        working = null;
        if (stopped) return;
        if (again) {
          again = false;
          wake();
        } else cancelRound = clock.after(ROUND_MS, wake);
      });
  }

  return {
    get,
    list: (options) => store.list(options),
    devices: (jobId, page) => store.devices(jobId, page),

    async create(request) {
      const deviceIds: string[] = [];
      for await (const { deviceId } of request.devices()) {
        deviceIds.push(deviceId);
        if (deviceIds.length <= MOST_JOB_DEVICES) continue;
        const say = `These are more than ${MOST_JOB_DEVICES} devices: begin with a group or a tag.`;
        throw new MusterError('REQUEST_INVALID', {}, { say });
      }
      const now = clock.now();
      const jobId = newId(now);
      await inOneUnit(async () => {
        await store.insert(
          {
            job_id: jobId,
            site_id: request.siteId,
            group_id: request.groupId,
            tag: request.tag,
            at_once: request.atOnce,
            grace_ms: request.graceMs,
            started_by: request.startedBy,
            state: 'running',
            gives_up_at: now + request.giveUpMs,
            created_at: now,
            ended_at: null,
          },
          deviceIds,
        );
        afterCommit(wake);
      });
      return get(jobId);
    },

    cancel: (jobId) =>
      inOneUnit(async () => {
        if ((await store.lock(jobId, true)) === undefined) {
          await get(jobId);
          throw new MusterError('CONFLICT', { jobId }, { say: 'The job has ended already.' });
        }
        await store.end(jobId, 'cancelled', clock.now());
        for (const deviceId of await store.untold(jobId)) {
          await rotations.cancel(deviceId).catch((error: unknown) => {
            // it was told, or used it, in this moment
            if (codeOf(error) !== 'CONFLICT') throw error;
          });
        }
        return get(jobId);
      }),

    start() {
      unsubscribe = bus.subscribe('credentials.changed', wake);
      wake();
    },
    async stop() {
      stopped = true;
      cancelRound();
      unsubscribe();
      await working;
    },
  };
}
