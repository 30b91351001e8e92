import {
  ActivateReply,
  type ActivateRequest,
  Assistant,
  type AssistantChange,
  type AssistantCreate,
  AssistantList,
  Device,
  type DeviceChange,
  type DeviceKeyRegister,
  DeviceList,
  hasShape,
  MeReply,
  ProviderList,
  SessionReply,
  type SetupRequest,
  type SignInRequest,
  Site,
  type SiteChange,
  type SiteCreate,
  SiteList,
  TurnList,
} from '@muster/contract';
import { type ApiRequest, send, type Target } from './http.ts';

/** A page of a list: `after` is the `next` of the page before. */
export interface PageQuery {
  readonly limit?: number | undefined;
  readonly after?: string | undefined;
}

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
    setUp: (body: SetupRequest) => write('POST', '/api/setup', body, hasShape(SessionReply)),
    signIn: (body: SignInRequest) => write('POST', '/api/sessions', body, hasShape(SessionReply)),
    signOut: () => write('DELETE', '/api/sessions/current', undefined, isNothing),
    me: () => get('/api/me', hasShape(MeReply)),
    providers: () => get('/api/providers', hasShape(ProviderList)),
    config: () => get('/api/config', isRecord),

    sites: () => get('/api/sites', hasShape(SiteList)),
    createSite: (body: SiteCreate) => write('POST', '/api/sites', body, hasShape(Site)),
    changeSite: (siteId: string, body: SiteChange) => write('PATCH', `/api/sites/${siteId}`, body, hasShape(Site)),

    assistants: (siteId: string) => get(`/api/sites/${siteId}/assistants`, hasShape(AssistantList)),
    createAssistant: (siteId: string, body: AssistantCreate) =>
      write('POST', `/api/sites/${siteId}/assistants`, body, hasShape(Assistant)),
    changeAssistant: (assistantId: string, body: AssistantChange) =>
      write('PATCH', `/api/assistants/${assistantId}`, body, hasShape(Assistant)),
    deleteAssistant: (assistantId: string) => write('DELETE', `/api/assistants/${assistantId}`, undefined, isNothing),

    devices: (page: PageQuery & { readonly siteId?: string | undefined }) =>
      get(`/api/devices${query({ ...page })}`, hasShape(DeviceList)),
    device: (deviceId: string) => get(`/api/devices/${deviceId}`, hasShape(Device)),
    changeDevice: (deviceId: string, body: DeviceChange) =>
      write('PATCH', `/api/devices/${deviceId}`, body, hasShape(Device)),
    revokeDevice: (deviceId: string) => write('POST', `/api/devices/${deviceId}/revoke`, undefined, isNothing),
    activate: (body: ActivateRequest) => write('POST', '/api/devices/activate', body, hasShape(ActivateReply)),
    registerKey: (body: DeviceKeyRegister) => write('POST', '/api/device-keys', body, isAnything),
    turns: (deviceId: string, page: PageQuery) =>
      get(`/api/devices/${deviceId}/turns${query({ ...page })}`, hasShape(TurnList)),
  };
}

function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) params.set(name, String(value));
  return params.size === 0 ? '' : `?${params}`;
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
