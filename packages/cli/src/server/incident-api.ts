import {
  type DutyDone,
  type DutyName,
  hasShape,
  Incident,
  type IncidentChange,
  type IncidentCreate,
  IncidentDetail,
  type IncidentFormat,
  IncidentList,
} from '@muster/contract';
import { send, type Target } from './http.ts';
import { query } from './query.ts';
import { type Download, openDownload } from './transfer.ts';

const is = { incident: hasShape(Incident), list: hasShape(IncidentList), detail: hasShape(IncidentDetail) };

/** Routes of the record of incidents. */
export function incidentApi(target: Target) {
  const post = (path: string, body: unknown): Promise<Incident> =>
    send(target, { method: 'POST', path: `/api/incidents${path}`, body }, is.incident);
  return {
    incidents: (closed: boolean) => send(target, { path: `/api/incidents${query({ closed })}` }, is.list),
    incident: (incidentId: string) => send(target, { path: `/api/incidents/${incidentId}` }, is.detail),
    openIncident: (body: IncidentCreate) => post('', body),
    changeIncident: (incidentId: string, body: IncidentChange) =>
      send(target, { method: 'PATCH', path: `/api/incidents/${incidentId}`, body }, is.incident),
    incidentDuty: (incidentId: string, duty: DutyName, body: DutyDone) => post(`/${incidentId}/duties/${duty}`, body),
    incidentNote: (incidentId: string, deed: 'notes' | 'close' | 'reopen', note: string) =>
      post(`/${incidentId}/${deed}`, { note }),
    exportIncident: (incidentId: string, format: IncidentFormat): Promise<Download> =>
      openDownload(target, `/api/incidents/${incidentId}/export${query({ format })}`),
  };
}
