import {
  AlertRule,
  AlertRuleChange,
  AlertRuleCreate,
  AlertRuleKindList,
  AlertRuleList,
  ErrorReply,
  Id,
} from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../../platform/http/index.ts';
import { rules as kinds } from '../rules/index.gen.ts';
import type { RuleBook } from './rulebook.ts';

const Params = Type.Object({ ruleId: Id });
const tags = ['alerts'];
const failures = { '4xx': ErrorReply };

export function ruleRoutes(app: Http, rules: RuleBook): void {
  const target = { kind: 'alert rule', param: 'ruleId', read: (id: string) => rules.get(id) };

  app.get(
    '/api/alert-rule-kinds',
    {
      config: { action: 'catalog.read' },
      schema: { tags, summary: 'Kinds of rules with their params', response: { 200: AlertRuleKindList, ...failures } },
    },
    async () => ({ kinds: kinds.map(({ kind, title, params }) => ({ kind, title, params })) }),
  );

  app.get(
    '/api/alert-rules',
    {
      config: { action: 'alert.read' },
      schema: {
        tags,
        summary: 'Rules of your sites, or of one; an administrator sees those of the server too',
        querystring: Type.Object({ siteId: Type.Optional(Id) }),
        response: { 200: AlertRuleList, ...failures },
      },
    },
    async (request) => ({ rules: await rules.list(request.query.siteId, request.access.sites) }),
  );

  app.post(
    '/api/alert-rules',
    {
      config: { action: 'alertRule.change', target: { kind: 'alert rule', replyId: 'ruleId' } },
      schema: { tags, summary: 'Make a rule', body: AlertRuleCreate, response: { 201: AlertRule, ...failures } },
    },
    async (request, reply) => {
      request.access.allow(request.body.siteId ?? null);
      return reply.status(201).send(await rules.create(request.body));
    },
  );

  app.get(
    '/api/alert-rules/:ruleId',
    {
      config: { action: 'alert.read' },
      schema: { tags, summary: 'One rule', params: Params, response: { 200: AlertRule, ...failures } },
    },
    async (request) => {
      const rule = await rules.get(request.params.ruleId);
      request.access.allow(rule.siteId);
      return rule;
    },
  );

  app.patch(
    '/api/alert-rules/:ruleId',
    {
      config: { action: 'alertRule.change', target },
      schema: {
        tags,
        summary: 'Change a rule, or switch it off',
        params: Params,
        body: AlertRuleChange,
        response: { 200: AlertRule, ...failures },
      },
    },
    async (request) => {
      const { ruleId, siteId } = await rules.get(request.params.ruleId);
      request.access.allow(siteId);
      return rules.change(ruleId, request.body);
    },
  );

  app.delete(
    '/api/alert-rules/:ruleId',
    {
      config: { action: 'alertRule.change', target },
      schema: {
        tags,
        summary: 'Delete a rule; what it had open is closed',
        params: Params,
        response: { 204: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      const { ruleId, siteId } = await rules.get(request.params.ruleId);
      request.access.allow(siteId);
      await rules.delete(ruleId);
      return reply.status(204).send(null);
    },
  );
}
