import {
  Alert,
  AlertAcknowledge,
  AlertAssign,
  AlertComment,
  AlertDetail,
  AlertList,
  AlertSnooze,
  type Device,
  DeviceHealth,
  ErrorReply,
  Id,
  literals,
  Maintenance,
  MaintenanceCreate,
  MaintenanceList,
  MusterError,
  NotificationList,
  SEVERITIES,
} from '@muster/contract';
import { Type } from 'typebox';
import type { Http } from '../platform/http/index.ts';
import type { Alerts } from './alerts.ts';

const Params = Type.Object({ alertId: Id });
const WindowParams = Type.Object({ maintenanceId: Id });
const DeviceParams = Type.Object({ deviceId: Id });
const ListQuery = Type.Object({
  siteId: Type.Optional(Id),
  deviceId: Type.Optional(Id),
  state: Type.Optional(literals(['open', 'closed'])),
  severity: Type.Optional(literals(SEVERITIES)),
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 100 }),
  after: Type.Optional(Id),
});

const tags = ['alerts'];
const failures = { '4xx': ErrorReply };

export interface AlertLookups {
  readonly deviceOf: (deviceId: string) => Promise<Device>;
  /** Whether a user belongs to the site: only those can be given its alerts. */
  readonly isMember: (siteId: string, userId: string) => Promise<boolean>;
}

export function alertRoutes(app: Http, alerts: Alerts, lookups: AlertLookups): void {
  const target = {
    kind: 'alert',
    param: 'alertId',
    read: async (id: string) => (await alerts.get(id)).alert,
  };
  app.get(
    '/api/alerts',
    {
      config: { action: 'alert.read' },
      schema: {
        tags,
        summary: 'Alerts, newest first',
        querystring: ListQuery,
        response: { 200: AlertList, ...failures },
      },
    },
    async (request) => {
      const { limit, ...rest } = request.query;
      const page = await alerts.list({ ...rest, sites: request.access.sites, limit: limit + 1 });
      const shown = page.slice(0, limit);
      return { alerts: shown, next: page.length > limit ? (shown.at(-1)?.alertId ?? null) : null };
    },
  );

  app.get(
    '/api/alerts/:alertId',
    {
      config: { action: 'alert.read' },
      schema: {
        tags,
        summary: 'One alert with everything that happened to it',
        params: Params,
        response: { 200: AlertDetail, ...failures },
      },
    },
    async (request) => {
      const detail = await alerts.get(request.params.alertId);
      request.access.allow(detail.alert.siteId);
      return detail;
    },
  );

  app.get(
    '/api/alerts/:alertId/notifications',
    {
      config: { action: 'alert.read' },
      schema: {
        tags,
        summary: 'Who was told of an alert, and what came of it',
        params: Params,
        response: { 200: NotificationList, ...failures },
      },
    },
    async (request) => {
      const { alert } = await alerts.get(request.params.alertId);
      request.access.allow(alert.siteId);
      return { notifications: await alerts.notificationsOf(alert) };
    },
  );

  app.post(
    '/api/alerts/:alertId/acknowledge',
    {
      config: { action: 'alert.handle', target },
      schema: {
        tags,
        summary: 'Say that somebody has it: no more reminders',
        params: Params,
        body: AlertAcknowledge,
        response: { 200: Alert, ...failures },
      },
    },
    async (request) => {
      const { alertId } = request.params;
      request.access.allow((await alerts.get(alertId)).alert.siteId);
      return alerts.acknowledge(alertId, request.access.session?.user.userId ?? null, request.body.comment ?? '');
    },
  );

  app.post(
    '/api/alerts/:alertId/assign',
    {
      config: { action: 'alert.handle', target },
      schema: {
        tags,
        summary: 'Give it to a member of the site, or to nobody',
        params: Params,
        body: AlertAssign,
        response: { 200: Alert, ...failures },
      },
    },
    async (request) => {
      const { alertId } = request.params;
      const { siteId } = (await alerts.get(alertId)).alert;
      request.access.allow(siteId);
      const to = request.body.userId;
      if (to !== null && siteId !== null && !(await lookups.isMember(siteId, to))) {
        throw new MusterError('NOT_FOUND', { userId: to }, { say: 'There is no such member at the site.' });
      }
      return alerts.assign(alertId, request.access.session?.user.userId ?? null, to);
    },
  );

  app.post(
    '/api/alerts/:alertId/comment',
    {
      config: { action: 'alert.handle', target },
      schema: {
        tags,
        summary: 'Write something into its log',
        params: Params,
        body: AlertComment,
        response: { 200: Alert, ...failures },
      },
    },
    async (request) => {
      const { alertId } = request.params;
      request.access.allow((await alerts.get(alertId)).alert.siteId);
      return alerts.comment(alertId, request.access.session?.user.userId ?? null, request.body.comment);
    },
  );

  app.post(
    '/api/alerts/:alertId/snooze',
    {
      config: { action: 'alert.handle', target },
      schema: {
        tags,
        summary: 'Tell nobody until an instant',
        params: Params,
        body: AlertSnooze,
        response: { 200: Alert, ...failures },
      },
    },
    async (request) => {
      const { alertId } = request.params;
      request.access.allow((await alerts.get(alertId)).alert.siteId);
      return alerts.snooze(alertId, request.access.session?.user.userId ?? null, request.body.until);
    },
  );

  app.get(
    '/api/maintenance',
    {
      config: { action: 'alert.read' },
      schema: {
        tags,
        summary: 'Maintenance windows of a site that have not ended',
        querystring: Type.Object({ siteId: Id }),
        response: { 200: MaintenanceList, ...failures },
      },
    },
    async (request) => {
      request.access.allow(request.query.siteId);
      return { windows: await alerts.windows(request.query.siteId) };
    },
  );

  app.post(
    '/api/maintenance',
    {
      config: { action: 'alertRule.change', target: { kind: 'maintenance', replyId: 'maintenanceId' } },
      schema: {
        tags,
        summary: 'Record alerts of a site or a device for a while and tell nobody',
        body: MaintenanceCreate,
        response: { 201: Maintenance, ...failures },
      },
    },
    async (request, reply) => {
      const { siteId, deviceId } = request.body;
      request.access.allow(siteId);
      if (deviceId !== undefined && (await lookups.deviceOf(deviceId)).siteId !== siteId) {
        throw new MusterError('NOT_FOUND', { deviceId });
      }
      const userId = request.access.session?.user.userId ?? null;
      return reply.status(201).send(await alerts.addWindow(request.body, userId));
    },
  );

  app.delete(
    '/api/maintenance/:maintenanceId',
    {
      config: {
        action: 'alertRule.change',
        target: { kind: 'maintenance', param: 'maintenanceId', read: (id) => alerts.window(id) },
      },
      schema: {
        tags,
        summary: 'End a maintenance window',
        params: WindowParams,
        response: { 204: Type.Null(), ...failures },
      },
    },
    async (request, reply) => {
      const { maintenanceId, siteId } = await alerts.window(request.params.maintenanceId);
      request.access.allow(siteId);
      await alerts.deleteWindow(maintenanceId);
      return reply.status(204).send(null);
    },
  );

  app.get(
    '/api/devices/:deviceId/health',
    {
      config: { action: 'device.read' },
      schema: {
        tags: ['devices'],
        summary: 'How well a device is, and what limits that',
        params: DeviceParams,
        response: { 200: DeviceHealth, ...failures },
      },
    },
    async (request) => {
      const device = await lookups.deviceOf(request.params.deviceId);
      request.access.allow(device.siteId);
      return alerts.healthOf(device);
    },
  );
}
