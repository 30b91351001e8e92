import {
  type Device,
  ErrorReply,
  type Group,
  Id,
  MusterError,
  RotationJob,
  RotationJobCreate,
  RotationJobDeviceList,
  RotationJobList,
} from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Http } from '../../../platform/http/index.ts';
import { siteMeant } from '../../site-meant.ts';
import type { DeviceFilter } from '../../store.ts';
import type { RotationJobs } from './jobs.ts';

const Params = Type.Object({ jobId: Id });
const Page = {
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }),
  after: Type.Optional(Id),
};
const AT_ONCE = 10;
const GIVE_UP_MS = 7 * 86_400_000;

export function rotationJobRoutes(
  app: Http,
  jobs: RotationJobs,
  lookups: {
    readonly onlySite: (sites: readonly string[] | null) => Promise<string | null>;
    /** NOT_FOUND. */
    readonly group: (groupId: string) => Promise<Group>;
    readonly all: (filter: DeviceFilter) => AsyncIterable<Device>;
    readonly graceMs: number;
  },
): void {
  const tags = ['credentials'];
  const failures = { '4xx': ErrorReply };

  async function readable(request: FastifyRequest, jobId: string): Promise<RotationJob> {
    const job = await jobs.get(jobId);
    request.access.allow(job.siteId);
    return job;
  }

  app.post(
    '/api/rotation-jobs',
    {
      config: { action: 'device.rotate', target: { kind: 'rotation job', replyId: 'jobId' } },
      schema: {
        tags,
        summary: 'New tokens for a site, a group or a tag, some devices at a time',
        body: RotationJobCreate,
        response: { 201: RotationJob, ...failures },
      },
    },
    async (request, reply) => {
      const { groupId, tag, atOnce = AT_ONCE, graceMs = lookups.graceMs, giveUpMs = GIVE_UP_MS } = request.body;
      const group = groupId === undefined ? null : await lookups.group(groupId);
      const siteId = await siteMeant(request.body.siteId ?? group?.siteId, request.access.sites, lookups.onlySite);
      request.access.allow(siteId);
      if (group !== null && group.siteId !== siteId) throw new MusterError('NOT_FOUND', { groupId });
      const filter = { sites: [siteId], state: 'active' as const };
      const job = await jobs.create({
        siteId,
        groupId: groupId ?? null,
        tag: tag ?? null,
        atOnce,
        graceMs,
        giveUpMs,
        startedBy: request.access.caller.actor.id ?? '',
        devices: () =>
          lookups.all({ ...filter, ...(group === null ? {} : { group }), ...(tag === undefined ? {} : { tag }) }),
      });
      return reply.status(201).send(job);
    },
  );

  app.get(
    '/api/rotation-jobs',
    {
      config: { action: 'device.read' },
      schema: {
        tags,
        summary: 'Jobs of new tokens, newest first',
        querystring: Type.Object({
          siteId: Type.Optional(Id),
          limit: Type.Integer({ minimum: 1, maximum: 50, default: 20 }),
          after: Type.Optional(Id),
        }),
        response: { 200: RotationJobList, ...failures },
      },
    },
    async (request) => {
      const { limit, ...filter } = request.query;
      if (filter.siteId !== undefined) request.access.allow(filter.siteId);
      const found = await jobs.list({ ...filter, sites: request.access.sites, limit: limit + 1 });
      const shown = found.slice(0, limit);
      return { jobs: shown, next: found.length > limit ? (shown.at(-1)?.jobId ?? null) : null };
    },
  );

  app.get(
    '/api/rotation-jobs/:jobId',
    {
      config: { action: 'device.read' },
      schema: { tags, summary: 'How far it is', params: Params, response: { 200: RotationJob, ...failures } },
    },
    async (request) => readable(request, request.params.jobId),
  );

  app.get(
    '/api/rotation-jobs/:jobId/devices',
    {
      config: { action: 'device.read' },
      schema: {
        tags,
        summary: 'Where each of its devices is',
        params: Params,
        querystring: Type.Object(Page),
        response: { 200: RotationJobDeviceList, ...failures },
      },
    },
    async (request) => {
      const { jobId } = await readable(request, request.params.jobId);
      const { limit, ...page } = request.query;
      const found = await jobs.devices(jobId, { ...page, limit: limit + 1 });
      const devices = found.slice(0, limit);
      return { devices, next: found.length > limit ? (devices.at(-1)?.deviceId ?? null) : null };
    },
  );

  app.post(
    '/api/rotation-jobs/:jobId/cancel',
    {
      config: {
        action: 'device.rotate',
        target: { kind: 'rotation job', param: 'jobId', read: (id: string) => jobs.get(id) },
      },
      schema: {
        tags,
        summary: 'Begin no more, and take back what no device was told yet',
        params: Params,
        response: { 200: RotationJob, ...failures },
      },
    },
    async (request) => {
      const { jobId } = await readable(request, request.params.jobId);
      return jobs.cancel(jobId);
    },
  );
}
