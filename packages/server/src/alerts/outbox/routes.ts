import {
  ErrorReply,
  Id,
  Notifier,
  NotifierChange,
  NotifierCreate,
  NotifierKindList,
  NotifierList,
  NotifierTestReply,
} from '@muster/contract';
import { Type } from 'typebox';
import { type Actor, judge } from '../../accounts/index.ts';
import { hostOnly } from '../../platform/http/host-only.ts';
import type { Http } from '../../platform/http/index.ts';
import { notifiers as kinds } from '../notifiers/index.gen.ts';
import type { Channels } from './channels.ts';

const Params = Type.Object({ notifierId: Id });
const tags = ['alerts'];
const failures = { '4xx': ErrorReply };

/** The address of a webhook is a right to post there: who may not change it sees only where it leads. */
const mayChange = (actor: Actor | null, siteId: string | null): boolean =>
  judge(actor, 'notifier.change', siteId, 0) === 'allowed';

function withoutAddress(notifier: Notifier): Notifier {
  const settings = Object.entries(notifier.settings).map(([name, value]) => [
    name,
    name === 'url' && typeof value === 'string' ? hostOnly(value) : value,
  ]);
  return { ...notifier, settings: Object.fromEntries(settings) };
}

export function notifierRoutes(app: Http, channels: Channels): void {
  const target = { kind: 'notifier', param: 'notifierId', read: (id: string) => channels.get(id) };

  app.get(
    '/api/notifier-kinds',
    {
      config: { action: 'catalog.read' },
      schema: { tags, summary: 'Ways to tell people', response: { 200: NotifierKindList, ...failures } },
    },
    async () => ({
      kinds: kinds.map(({ kind, title, settings, secrets }) => ({ kind, title, settings, secrets })),
    }),
  );

  app.get(
    '/api/notifiers',
    {
      config: { action: 'notifier.read' },
      schema: {
        tags,
        summary: 'Who is told, without secrets',
        querystring: Type.Object({ siteId: Type.Optional(Id) }),
        response: { 200: NotifierList, ...failures },
      },
    },
    async (request) => {
      const { siteId } = request.query;
      const { actor, sites } = request.access;
      const found = await channels.list(siteId, sites);
      return { notifiers: found.map((one) => (mayChange(actor, one.siteId) ? one : withoutAddress(one))) };
    },
  );

  app.post(
    '/api/notifiers',
    {
      config: { action: 'notifier.change', target: { kind: 'notifier', replyId: 'notifierId' } },
      schema: { tags, summary: 'Add somebody to tell', body: NotifierCreate, response: { 201: Notifier, ...failures } },
    },
    async (request, reply) => {
      request.access.allow(request.body.siteId ?? null);
      return reply.status(201).send(await channels.create(request.body));
    },
  );

  app.patch(
    '/api/notifiers/:notifierId',
    {
      config: { action: 'notifier.change', target },
      schema: {
        tags,
        summary: 'Change a notifier; secrets that are given replace all of them',
        params: Params,
        body: NotifierChange,
        response: { 200: Notifier, ...failures },
      },
    },
    async (request) => {
      const { notifierId, siteId } = await channels.get(request.params.notifierId);
      request.access.allow(siteId);
      return channels.change(notifierId, request.body);
    },
  );

  app.delete(
    '/api/notifiers/:notifierId',
    {
      config: { action: 'notifier.change', target },
      schema: {
        tags,
        summary: 'Delete a notifier; what it had yet to tell is dropped',
        params: Params,
        response: { 204: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      const { notifierId, siteId } = await channels.get(request.params.notifierId);
      request.access.allow(siteId);
      await channels.delete(notifierId);
      return reply.status(204).send(null);
    },
  );

  app.post(
    '/api/notifiers/:notifierId/test',
    {
      config: { action: 'notifier.test' },
      schema: {
        tags,
        summary: 'Tell them something now and say what came of it',
        params: Params,
        response: { 200: NotifierTestReply, ...failures },
      },
    },
    async (request) => {
      const { notifierId, siteId } = await channels.get(request.params.notifierId);
      request.access.allow(siteId);
      return channels.test(notifierId);
    },
  );
}
