import {
  Decommission,
  type DecommissionRequest,
  DeviceCredentials,
  hasShape,
  RotateReply,
  type RotateRequest,
  RotationJob,
  type RotationJobCreate,
  RotationJobDeviceList,
  RotationJobList,
} from '@muster/contract';
import { send, type Target } from './http.ts';
import { query } from './query.ts';

const is = {
  credentials: hasShape(DeviceCredentials),
  rotated: hasShape(RotateReply),
  decommission: hasShape(Decommission),
  job: hasShape(RotationJob),
  jobs: hasShape(RotationJobList),
  jobDevices: hasShape(RotationJobDeviceList),
};

/** Routes of what devices sign in with. */
export function credentialsApi(target: Target) {
  const path = (deviceId: string, rest = ''): string => `/api/devices/${deviceId}/credentials${rest}`;
  const jobs = '/api/rotation-jobs';
  return {
    credentials: (deviceId: string) => send(target, { path: path(deviceId) }, is.credentials),
    rotateToken: (deviceId: string, body: RotateRequest) =>
      send(target, { method: 'POST', path: path(deviceId, '/rotate'), body }, is.rotated),
    cancelRotation: (deviceId: string) =>
      send(target, { method: 'POST', path: path(deviceId, '/rotation/cancel') }, is.credentials),
    releaseDevice: (deviceId: string) =>
      send(target, { method: 'POST', path: path(deviceId, '/release') }, is.credentials),
    decommission: (deviceId: string, body: DecommissionRequest) =>
      send(target, { method: 'POST', path: `/api/devices/${deviceId}/decommission`, body }, is.decommission),
    decommissionOf: (deviceId: string) =>
      send(target, { path: `/api/devices/${deviceId}/decommission` }, is.decommission),
    createRotationJob: (body: RotationJobCreate) => send(target, { method: 'POST', path: jobs, body }, is.job),
    rotationJob: (jobId: string) => send(target, { path: `${jobs}/${jobId}` }, is.job),
    rotationJobs: (limit: number) => send(target, { path: `${jobs}${query({ limit })}` }, is.jobs),
    rotationJobDevices: (jobId: string, after: string | undefined) =>
      send(target, { path: `${jobs}/${jobId}/devices${query({ limit: 500, after })}` }, is.jobDevices),
    cancelRotationJob: (jobId: string) => send(target, { method: 'POST', path: `${jobs}/${jobId}/cancel` }, is.job),
  };
}
