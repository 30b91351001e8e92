import {
  CommandRun,
  CommandRunDeviceList,
  CommandRunList,
  CommandRunRequest,
  ErrorReply,
  Id,
  LIMITS,
} from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import { senderOf } from '../sender.ts';
import type { Runs } from './runs.ts';

const RunParams = Type.Object({ runId: Id });
const Wait = Type.Object({
  waitMs: Type.Integer({
    minimum: 0,
    maximum: LIMITS.longPollMs,
    default: 0,
    description: 'Answer when the run goes on no more, or after this long',
  }),
});
const Page = {
  // each is counted anew
  limit: Type.Integer({ minimum: 1, maximum: 50, default: 20 }),
  after: Type.Optional(Id),
};
const Key = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ minLength: 1, maxLength: 128, description: 'The same key and body again is the same run' }),
  ),
});

/** A group as a run needs it. */
export interface RunGroups {
  /** NOT_FOUND. */
  get(groupId: string): Promise<{ readonly groupId: string; readonly siteId: string }>;
  /** Newest first; `after` is the last id of the page before. */
  members(
    groupId: string,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<readonly { readonly deviceId: string }[]>;
}

export function runRoutes(app: Http, runs: Runs, groups: RunGroups): void {
  const tags = ['commands'];
  const failures = { '4xx': ErrorReply };

  async function readable(request: FastifyRequest, runId: string): Promise<CommandRun> {
    const run = await runs.get(runId);
    request.access.allow(run.siteId);
    return run;
  }

  app.post(
    '/api/groups/:groupId/commands',
    {
      config: { action: 'command.send' },
      schema: {
        tags,
        summary: 'Send a command to the devices that are in the group now, some at a time',
        params: Type.Object({ groupId: Id }),
        headers: Key,
        body: CommandRunRequest,
        response: { 200: CommandRun, 201: CommandRun, ...failures },
      },
    },
    async (request, reply) => {
      const { groupId, siteId } = await groups.get(request.params.groupId);
      request.access.allow(siteId);
      const { run, isNew } = await runs.create({
        ...request.body,
        atOnce: request.body.atOnce ?? 10,
        groupId,
        siteId,
        sentBy: senderOf(request),
        idempotencyKey: request.headers['idempotency-key'],
        members: () => membersOf(groups, groupId),
      });
      return reply.status(isNew ? 201 : 200).send(run);
    },
  );

  app.get(
    '/api/command-runs',
    {
      config: { action: 'command.read' },
      schema: {
        tags,
        summary: 'Commands to groups, newest first',
        querystring: Type.Object({ siteId: Type.Optional(Id), groupId: Type.Optional(Id), ...Page }),
        response: { 200: CommandRunList, ...failures },
      },
    },
    async (request) => {
      const { limit, ...filter } = request.query;
      if (filter.siteId !== undefined) request.access.allow(filter.siteId);
      const found = await runs.list({ ...filter, sites: request.access.sites, limit: limit + 1 });
      const shown = found.slice(0, limit);
      return { runs: shown, next: found.length > limit ? (shown.at(-1)?.runId ?? null) : null };
    },
  );

  app.get(
    '/api/command-runs/:runId',
    {
      config: { action: 'command.read' },
      schema: {
        tags,
        summary: 'How far a command to a group is; with waitMs when it goes on no more',
        params: RunParams,
        querystring: Wait,
        response: { 200: CommandRun, ...failures },
      },
    },
    async (request) => {
      const run = await readable(request, request.params.runId);
      const { waitMs } = request.query;
      return waitMs === 0 ? run : runs.wait(run.runId, waitMs, request.signal);
    },
  );

  app.get(
    '/api/command-runs/:runId/devices',
    {
      config: { action: 'command.read' },
      schema: {
        tags,
        summary: 'How it went on each device of a run',
        params: RunParams,
        querystring: Type.Object({
          failed: Type.Boolean({ default: false, description: 'Only devices on which it went wrong' }),
          limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }),
          after: Type.Optional(Id),
        }),
        response: { 200: CommandRunDeviceList, ...failures },
      },
    },
    async (request) => {
      const { runId } = await readable(request, request.params.runId);
      const { limit, ...page } = request.query;
      const found = await runs.devices(runId, { ...page, limit: limit + 1 });
      const devices = found.slice(0, limit);
      return { devices, next: found.length > limit ? (devices.at(-1)?.deviceId ?? null) : null };
    },
  );

  app.post(
    '/api/command-runs/:runId/cancel',
    {
      config: { action: 'command.cancel', target: { kind: 'command run', param: 'runId', read: (id) => runs.get(id) } },
      schema: {
        tags,
        summary: 'Send no more, and cancel what was not sent yet',
        params: RunParams,
        response: { 200: CommandRun, ...failures },
      },
    },
    async (request) => {
      const { runId } = await readable(request, request.params.runId);
      return runs.cancel(runId);
    },
  );
}

const MEMBERS_A_PAGE = 1_000;

async function* membersOf(groups: RunGroups, groupId: string): AsyncGenerator<readonly string[]> {
  let after: string | undefined;
  for (;;) {
    const page = await groups.members(groupId, { limit: MEMBERS_A_PAGE, ...(after === undefined ? {} : { after }) });
    yield page.map(({ deviceId }) => deviceId);
    after = page.at(-1)?.deviceId;
    if (page.length < MEMBERS_A_PAGE || after === undefined) return;
  }
}
