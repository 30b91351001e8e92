import {
  AboutReply,
  ActivateReply,
  type ActivateRequest,
  type ALERT_STATES,
  Alert,
  AlertDetail,
  AlertList,
  AlertRule,
  type AlertRuleCreate,
  AlertRuleKindList,
  AlertRuleList,
  type ApiKeyCreate,
  ApiKeyCreated,
  ApiKeyList,
  Assistant,
  type AssistantChange,
  type AssistantCreate,
  AssistantList,
  Device,
  type DeviceBatchCreate,
  DeviceBatchCreated,
  type DeviceBatchRevoke,
  DeviceBatchRevoked,
  type DeviceChange,
  type DeviceCreate,
  DeviceCreated,
  type DeviceKeyRegister,
  DeviceList,
  DeviceToken,
  hasShape,
  ImportReply,
  KeyRotation,
  LatestList,
  type LiveFrame,
  MeReply,
  Notifier,
  type NotifierCreate,
  NotifierKindList,
  NotifierList,
  NotifierTestReply,
  ProviderList,
  SayReply,
  SessionReply,
  type SetupRequest,
  Site,
  type SiteChange,
  type SiteCreate,
  SiteList,
  TelemetryReply,
  type TransferFormat,
  TurnList,
} from '@muster/contract';
import { auditApi } from './audit-api.ts';
import { certificatesApi } from './certificates-api.ts';
import { credentialsApi } from './credentials-api.ts';
import { fleetApi } from './fleet-api.ts';
import { type ApiRequest, send, type Target } from './http.ts';
import { incidentApi } from './incident-api.ts';
import { watchLive } from './live.ts';
import { peopleApi } from './people-api.ts';
import { type PageQuery, query } from './query.ts';
import { openDownload } from './transfer.ts';

/** Made apart from their use: inferring a reply's type through a schema costs the compiler a second for each call. */
const is = {
  aboutReply: hasShape(AboutReply),
  alert: hasShape(Alert),
  alertDetail: hasShape(AlertDetail),
  alertList: hasShape(AlertList),
  alertRule: hasShape(AlertRule),
  alertRuleKindList: hasShape(AlertRuleKindList),
  alertRuleList: hasShape(AlertRuleList),
  activateReply: hasShape(ActivateReply),
  apiKeyCreated: hasShape(ApiKeyCreated),
  apiKeyList: hasShape(ApiKeyList),
  assistant: hasShape(Assistant),
  assistantList: hasShape(AssistantList),
  device: hasShape(Device),
  deviceBatchCreated: hasShape(DeviceBatchCreated),
  deviceBatchRevoked: hasShape(DeviceBatchRevoked),
  deviceCreated: hasShape(DeviceCreated),
  deviceToken: hasShape(DeviceToken),
  deviceList: hasShape(DeviceList),
  importReply: hasShape(ImportReply),
  keyRotation: hasShape(KeyRotation),
  latestList: hasShape(LatestList),
  meReply: hasShape(MeReply),
  notifier: hasShape(Notifier),
  notifierKindList: hasShape(NotifierKindList),
  notifierList: hasShape(NotifierList),
  notifierTestReply: hasShape(NotifierTestReply),
  providerList: hasShape(ProviderList),
  sayReply: hasShape(SayReply),
  sessionReply: hasShape(SessionReply),
  site: hasShape(Site),
  siteList: hasShape(SiteList),
  telemetryReply: hasShape(TelemetryReply),
  turnList: hasShape(TurnList),
};

export type Api = ReturnType<typeof createApi>;

/** The API of a server: one function for each route, checked on the way back. */
export function createApi(target: Target) {
  const get = <T>(path: string, isReply: (value: unknown) => value is T): Promise<T> => send(target, { path }, isReply);
  const write = <T>(
    method: ApiRequest['method'],
    path: string,
    body: unknown,
    isReply: (value: unknown) => value is T,
  ) => send(target, { method: method ?? 'POST', path, body }, isReply);

  return {
    server: target.server,
    isSignedIn: target.token !== null,
    setUp: (body: SetupRequest) => write('POST', '/api/setup', body, is.sessionReply),
    signOut: () => write('DELETE', '/api/sessions/current', undefined, isNothing),
    me: () => get('/api/me', is.meReply),
    /** See {@link watchLive}. */
    watch: (topics: readonly string[], onFrame: (frame: LiveFrame) => void, signal: AbortSignal) =>
      watchLive(target, topics, onFrame, signal),
    providers: () => get('/api/providers', is.providerList),
    config: () => get('/api/config', isRecord),

    rotateKey: () => write('POST', '/api/server/key-rotation', undefined, is.keyRotation),
    keyRotation: () => get('/api/server/key-rotation', is.keyRotation),
    apiKeys: (siteId: string | null) => get(`/api/api-keys${query({ siteId: siteId ?? undefined })}`, is.apiKeyList),
    createApiKey: (body: ApiKeyCreate) => write('POST', '/api/api-keys', body, is.apiKeyCreated),
    deleteApiKey: (keyId: string) => write('DELETE', `/api/api-keys/${keyId}`, undefined, isNothing),

    sites: () => get('/api/sites', is.siteList),
    createSite: (body: SiteCreate) => write('POST', '/api/sites', body, is.site),
    changeSite: (siteId: string, body: SiteChange) => write('PATCH', `/api/sites/${siteId}`, body, is.site),

    assistants: (siteId: string) => get(`/api/sites/${siteId}/assistants`, is.assistantList),
    createAssistant: (siteId: string, body: AssistantCreate) =>
      write('POST', `/api/sites/${siteId}/assistants`, body, is.assistant),
    changeAssistant: (assistantId: string, body: AssistantChange) =>
      write('PATCH', `/api/assistants/${assistantId}`, body, is.assistant),
    deleteAssistant: (assistantId: string) => write('DELETE', `/api/assistants/${assistantId}`, undefined, isNothing),

    about: () => get('/device/v1/about', is.aboutReply),
    devices: (
      page: PageQuery & {
        readonly siteId?: string | undefined;
        readonly tag?: string | undefined;
        readonly profile?: string | undefined;
        readonly state?: string | undefined;
        readonly called?: string | undefined;
      },
    ) => get(`/api/devices${query({ ...page })}`, is.deviceList),
    createDevice: (body: DeviceCreate) => write('POST', '/api/devices', body, is.deviceCreated),
    createDevices: (body: DeviceBatchCreate) => write('POST', '/api/devices/batch', body, is.deviceBatchCreated),
    revokeDevices: (body: DeviceBatchRevoke) => write('POST', '/api/devices/batch/revoke', body, is.deviceBatchRevoked),
    newDeviceToken: (deviceId: string) => write('POST', `/api/devices/${deviceId}/tokens`, undefined, is.deviceToken),
    device: (deviceId: string) => get(`/api/devices/${deviceId}`, is.device),
    changeDevice: (deviceId: string, body: DeviceChange) => write('PATCH', `/api/devices/${deviceId}`, body, is.device),
    revokeDevice: (deviceId: string) => write('POST', `/api/devices/${deviceId}/revoke`, undefined, isNothing),
    activate: (body: ActivateRequest) => write('POST', '/api/devices/activate', body, is.activateReply),
    registerKey: (body: DeviceKeyRegister) => write('POST', '/api/device-keys', body, isAnything),
    say: (deviceId: string, text: string) => write('POST', `/api/devices/${deviceId}/say`, { text }, is.sayReply),
    alerts: (
      page: PageQuery & {
        readonly siteId?: string | undefined;
        readonly deviceId?: string | undefined;
        readonly state?: (typeof ALERT_STATES)[number] | undefined;
      },
    ) => get(`/api/alerts${query({ ...page })}`, is.alertList),
    ...auditApi(target, get),
    ...peopleApi(get, write),
    ...certificatesApi(target),
    ...credentialsApi(target),
    ...fleetApi(get, write),
    ...incidentApi(target),
    alert: (alertId: string) => get(`/api/alerts/${alertId}`, is.alertDetail),
    acknowledge: (alertId: string, comment: string | undefined) =>
      write('POST', `/api/alerts/${alertId}/acknowledge`, comment === undefined ? {} : { comment }, is.alert),
    alertRules: (siteId: string | undefined) => get(`/api/alert-rules${query({ siteId })}`, is.alertRuleList),
    alertRuleKinds: () => get('/api/alert-rule-kinds', is.alertRuleKindList),
    createAlertRule: (body: AlertRuleCreate) => write('POST', '/api/alert-rules', body, is.alertRule),
    deleteAlertRule: (ruleId: string) => write('DELETE', `/api/alert-rules/${ruleId}`, undefined, isNothing),
    latest: (deviceId: string) => get(`/api/devices/${deviceId}/telemetry/latest`, is.latestList),
    telemetry: (
      deviceId: string,
      asked: {
        readonly series?: string | undefined;
        readonly from: number;
        readonly to: number;
        readonly points: number;
      },
    ) => get(`/api/devices/${deviceId}/telemetry${query({ ...asked })}`, is.telemetryReply),
    /** Of a device, or of every device of a site. */
    exportTelemetry: (
      of: { readonly deviceId: string } | { readonly siteId: string },
      asked: {
        readonly format: TransferFormat;
        readonly series?: string | undefined;
        readonly from: number;
        readonly to: number;
      },
    ) => {
      const owner = 'deviceId' in of ? `devices/${of.deviceId}` : `sites/${of.siteId}`;
      return openDownload(target, `/api/${owner}/telemetry/export${query({ ...asked })}`);
    },
    importTelemetry: (deviceId: string, type: string, text: string) =>
      send(
        target,
        { method: 'POST', path: `/api/devices/${deviceId}/telemetry/import`, file: { type, text } },
        is.importReply,
      ),
    notifiers: (siteId: string | undefined) => get(`/api/notifiers${query({ siteId })}`, is.notifierList),
    notifierKinds: () => get('/api/notifier-kinds', is.notifierKindList),
    createNotifier: (body: NotifierCreate) => write('POST', '/api/notifiers', body, is.notifier),
    testNotifier: (notifierId: string) =>
      write('POST', `/api/notifiers/${notifierId}/test`, undefined, is.notifierTestReply),
    deleteNotifier: (notifierId: string) => write('DELETE', `/api/notifiers/${notifierId}`, undefined, isNothing),
    turns: (deviceId: string, page: PageQuery) =>
      get(`/api/devices/${deviceId}/turns${query({ ...page })}`, is.turnList),
  };
}

function isNothing(value: unknown): value is null {
  return value === null;
}

function isAnything(_value: unknown): _value is unknown {
  return true;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
