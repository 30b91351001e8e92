import {
  Command,
  CommandList,
  type CommandRequest,
  CommandRun,
  CommandRunDeviceList,
  CommandRunList,
  type CommandRunRequest,
  DeviceList,
  Group,
  type GroupCreate,
  GroupList,
  hasShape,
  Twin,
  type TwinPatch,
} from '@muster/contract';
import type { Get, Write } from './http.ts';
import { type PageQuery, query } from './query.ts';

const is = {
  command: hasShape(Command),
  commandList: hasShape(CommandList),
  commandRun: hasShape(CommandRun),
  commandRunList: hasShape(CommandRunList),
  commandRunDeviceList: hasShape(CommandRunDeviceList),
  deviceList: hasShape(DeviceList),
  group: hasShape(Group),
  groupList: hasShape(GroupList),
  twin: hasShape(Twin),
};

/** Routes of commands, twins and groups. `waitMs`: the answer comes when it has ended, or after so long. */
export function fleetApi(get: Get, write: Write) {
  return {
    sendCommand: (deviceId: string, body: CommandRequest, waitMs: number) =>
      write('POST', `/api/devices/${deviceId}/commands${query({ waitMs })}`, body, is.command),
    command: (commandId: string, waitMs: number) => get(`/api/commands/${commandId}${query({ waitMs })}`, is.command),
    commandsOf: (deviceId: string, page: PageQuery) =>
      get(`/api/devices/${deviceId}/commands${query({ ...page })}`, is.commandList),
    cancelCommand: (commandId: string) => write('POST', `/api/commands/${commandId}/cancel`, undefined, is.command),
    twin: (deviceId: string) => get(`/api/devices/${deviceId}/twin`, is.twin),
    desire: (deviceId: string, body: TwinPatch) =>
      write('PATCH', `/api/devices/${deviceId}/twin/desired`, body, is.twin),
    groups: (siteId: string | undefined) => get(`/api/groups${query({ siteId })}`, is.groupList),
    createGroup: (body: GroupCreate) => write('POST', '/api/groups', body, is.group),
    deleteGroup: (groupId: string) => write('DELETE', `/api/groups/${groupId}`, undefined, isNothing),
    groupDevices: (groupId: string, page: PageQuery) =>
      get(`/api/groups/${groupId}/devices${query({ ...page })}`, is.deviceList),
    startRun: (groupId: string, body: CommandRunRequest) =>
      write('POST', `/api/groups/${groupId}/commands`, body, is.commandRun),
    runs: (page: PageQuery) => get(`/api/command-runs${query({ ...page })}`, is.commandRunList),
    run: (runId: string, waitMs: number) => get(`/api/command-runs/${runId}${query({ waitMs })}`, is.commandRun),
    runDevices: (runId: string, page: PageQuery & { readonly failed: boolean }) =>
      get(`/api/command-runs/${runId}/devices${query({ ...page })}`, is.commandRunDeviceList),
    cancelRun: (runId: string) => write('POST', `/api/command-runs/${runId}/cancel`, undefined, is.commandRun),
  };
}

function isNothing(value: unknown): value is null {
  return value === null;
}
