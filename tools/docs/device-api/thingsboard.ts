import { table } from '../markdown.ts';

/** What of ThingsBoard's device API is understood, and as what. */
export function thingsBoardTable(): string {
  return table(
    ['MQTT topic', 'HTTP', 'here it is'],
    [
      [
        '`v1/devices/me/telemetry`',
        '`POST /api/v1/{token}/telemetry`',
        'measurements: `{"k": v}`, `{"ts", "values"}`, or an array of either',
      ],
      ['`v1/devices/me/attributes` (up)', '`POST /api/v1/{token}/attributes`', 'client attributes: `twinReport`'],
      [
        '`v1/devices/me/attributes/request/{n}`, answer on `…/response/{n}`',
        '`GET /api/v1/{token}/attributes?clientKeys=&sharedKeys=`',
        '`client`: the reported half of the twin, `shared`: the desired half',
      ],
      ['`v1/devices/me/attributes` (down)', '', 'shared attributes that changed: the delta of the twin'],
      [
        '`v1/devices/me/rpc/request/+` (down)',
        '`GET /api/v1/{token}/rpc?timeout=`',
        'a command: `method` is its name, `params` its arguments',
      ],
      [
        '`v1/devices/me/rpc/response/{n}`',
        '`POST /api/v1/{token}/rpc/{id}`',
        'its answer: the command is confirmed with it as the result',
      ],
    ],
  );
}

export const NOT_FROM_THINGSBOARD = [
  'RPC from the device to the server (`rpc/request/{n}` published by the device): refused with `TOPIC_UNKNOWN`.',
  'Gateways (`v1/gateway/…`): refused with `TOPIC_FORBIDDEN`. Each device connects with its own token.',
  'Claiming, provisioning and firmware over MQTT (`v1/devices/me/claim`, `/provision`, `v2/fw/…`): refused.',
  'Protobuf payloads, CoAP, LwM2M and SNMP, certificates of devices as their credentials, basic MQTT credentials ' +
    '(client id, user and password): the access token is the one credential.',
  'Values that no series holds (null, arrays) are left out of a message; a message without any other is refused.',
] as const;
