import {
  DUTIES,
  DutyDone,
  ErrorReply,
  Id,
  INCIDENT_FORMATS,
  Incident,
  IncidentChange,
  IncidentCreate,
  IncidentDetail,
  IncidentList,
  IncidentNote,
  literals,
} from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import type { Incidents } from './incidents.ts';
import { incidentReport } from './report.ts';

const Params = Type.Object({ incidentId: Id });
const tags = ['incidents'];
const failures = { '4xx': ErrorReply };
const changed = { 200: Incident, ...failures };
const CONTENT = { 'application/json': { schema: IncidentDetail }, 'text/markdown': { schema: Type.String() } };

export function incidentRoutes(app: Http, incidents: Incidents): void {
  const target = { kind: 'incident', param: 'incidentId', read: (id: string) => incidents.get(id) };
  const change = { action: 'incident.change' as const, target };

  app.get(
    '/api/incidents',
    {
      config: { action: 'incident.read' },
      schema: {
        tags,
        summary: 'Records of exploited vulnerabilities and severe incidents, newest first',
        querystring: Type.Object({ closed: Type.Optional(Type.Boolean()) }),
        response: { 200: IncidentList, ...failures },
      },
    },
    async ({ query }) => ({ incidents: await incidents.list(query.closed === true) }),
  );

  app.post(
    '/api/incidents',
    {
      config: { action: 'incident.change', target: { kind: 'incident', replyId: 'incidentId' } },
      schema: {
        tags,
        summary: 'Open a record: the clocks run from the time at which it became known',
        body: IncidentCreate,
        response: { 201: Incident, ...failures },
      },
    },
    async (request, reply) => reply.status(201).send(await incidents.open(request.body, nameOf(request))),
  );

  app.get(
    '/api/incidents/:incidentId',
    {
      config: { action: 'incident.read' },
      schema: {
        tags,
        summary: 'A record with its timeline',
        params: Params,
        response: { 200: IncidentDetail, ...failures },
      },
    },
    async ({ params }) => incidents.detail(params.incidentId),
  );

  app.patch(
    '/api/incidents/:incidentId',
    {
      config: change,
      schema: { tags, summary: 'Change what is known', params: Params, body: IncidentChange, response: changed },
    },
    async (request) => incidents.change(request.params.incidentId, request.body, nameOf(request)),
  );

  app.post(
    '/api/incidents/:incidentId/duties/:duty',
    {
      config: change,
      schema: {
        tags,
        summary: 'Say that a report was submitted to the authority; again, to put that right',
        params: Type.Object({ incidentId: Id, duty: literals(DUTIES) }),
        body: DutyDone,
        response: changed,
      },
    },
    async (request) => {
      const { incidentId, duty } = request.params;
      return incidents.done(incidentId, duty, request.body, nameOf(request));
    },
  );

  for (const [word, deed, summary] of [
    ['notes', 'note', 'Add a note to the timeline'],
    ['close', 'close', 'Close a record and say why: nothing more is due'],
    ['reopen', 'reopen', 'Open a closed record again and say why'],
  ] as const) {
    app.post(
      `/api/incidents/:incidentId/${word}`,
      { config: change, schema: { tags, summary, params: Params, body: IncidentNote, response: changed } },
      async (request) => incidents[deed](request.params.incidentId, request.body.note, nameOf(request)),
    );
  }

  app.get(
    '/api/incidents/:incidentId/export',
    {
      config: { action: 'incident.export' },
      schema: {
        tags,
        summary: 'The record as a file, for the form of the authority',
        params: Params,
        querystring: Type.Object({ format: literals(INCIDENT_FORMATS) }),
        response: { 200: { content: CONTENT }, ...failures },
      },
    },
    async ({ params, query }, reply) => {
      const detail = await incidents.detail(params.incidentId);
      const isJson = query.format === 'json';
      const name = `incident-${params.incidentId}.${isJson ? 'json' : 'md'}`;
      return reply
        .type(isJson ? 'application/json; charset=utf-8' : 'text/markdown; charset=utf-8')
        .header('content-disposition', `attachment; filename="${name}"`)
        .send(isJson ? `${JSON.stringify(detail, null, 2)}\n` : incidentReport(detail));
    },
  );
}

/** Who did it, for the timeline. */
const nameOf = ({ access }: Pick<FastifyRequest, 'access'>): string | null => access.caller.actor.name;
