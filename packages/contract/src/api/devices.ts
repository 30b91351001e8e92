import { type Static, Type } from 'typebox';
import { LIMITS } from '../limits.ts';
import { At, Id, literals, Name, nullable } from './fields.ts';

export const DEVICE_STATES = ['active', 'revoked'] as const;

export const Device = Type.Object({
  deviceId: Id,
  siteId: Id,
  name: Name,
  hardwareId: Type.String({ description: 'What the device calls itself: a MAC address as a rule' }),
  serialNumber: nullable(Type.String()),
  model: nullable(Type.String({ description: 'Board name as the device gives it' })),
  firmwareVersion: nullable(Type.String()),
  simulated: Type.Boolean({ description: 'The device says that it is a simulator' }),
  proof: literals(['none', 'hmac'], 'How the device proved itself at activation'),
  assistantId: nullable(Id),
  state: literals(DEVICE_STATES),
  profile: nullable(Type.String({ description: 'What kind of device it is: a name of GET /api/profiles' })),
  tags: Type.Array(Type.String()),
  connected: Type.Boolean({ description: 'A socket of this device is open on this server now' }),
  keepsConnection: nullable(
    Type.Boolean({
      description: 'False: it connects only when it has something to say. Null: it never connected',
    }),
  ),
  lastSeenAt: nullable(At),
  createdAt: At,
});
export type Device = Static<typeof Device>;
export const DeviceList = Type.Object({ devices: Type.Array(Device), next: nullable(Type.String()) });
export type DeviceList = Static<typeof DeviceList>;

const ProfileName = Type.String({ pattern: '^[a-z0-9-]{1,64}$' });
/** A word to sort by, such as `floor-2`. */
export const Tag = Type.String({ pattern: '^[\\p{L}\\p{N}][\\p{L}\\p{N}_.:-]{0,63}$' });
const Tags = Type.Array(Tag, { maxItems: 32, uniqueItems: true });

export const DeviceChange = Type.Object(
  {
    name: Type.Optional(Name),
    assistantId: Type.Optional(nullable(Id)),
    profile: Type.Optional(nullable(ProfileName)),
    tags: Type.Optional(Tags),
  },
  { additionalProperties: false },
);
export type DeviceChange = Static<typeof DeviceChange>;

/** A device that a person makes and gives its token: one that speaks MQTT, HTTP or WebSocket and shows no code. */
export const DeviceCreate = Type.Object(
  {
    name: Name,
    siteId: Type.Optional(Id),
    hardwareId: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._:-]{1,64}$' })),
    profile: Type.Optional(ProfileName),
    tags: Type.Optional(Tags),
    token: Type.Optional(
      Type.String({
        pattern: '^[!-~]{20,256}$',
        description:
          'A secret that the device has already, such as its ThingsBoard access token; one is made without it',
      }),
    ),
    simulated: Type.Optional(
      Type.Boolean({ description: 'It is a simulator; refused when devices.allowSimulated is false' }),
    ),
  },
  { additionalProperties: false },
);
export type DeviceCreate = Static<typeof DeviceCreate>;
export const DeviceCreated = Type.Object({
  device: Device,
  token: Type.String({ description: 'What the device signs in with. Shown this once; only its hash is stored' }),
});
export type DeviceCreated = Static<typeof DeviceCreated>;

/** Many devices of one site, all or none of them. */
export const DeviceBatchCreate = Type.Object(
  {
    siteId: Type.Optional(Id),
    devices: Type.Array(Type.Omit(DeviceCreate, ['siteId'], { additionalProperties: false }), {
      minItems: 1,
      maxItems: LIMITS.devicesPerBatch,
    }),
  },
  { additionalProperties: false },
);
export type DeviceBatchCreate = Static<typeof DeviceBatchCreate>;
export const DeviceBatchCreated = Type.Object({
  devices: Type.Array(DeviceCreated, { description: 'In the order in which they were asked for' }),
});
export type DeviceBatchCreated = Static<typeof DeviceBatchCreated>;
/** Many devices of one site; those that are revoked already, or of another site, are passed over. */
export const DeviceBatchRevoke = Type.Object(
  { siteId: Type.Optional(Id), deviceIds: Type.Array(Id, { minItems: 1, maxItems: LIMITS.devicesPerBatch }) },
  { additionalProperties: false },
);
export type DeviceBatchRevoke = Static<typeof DeviceBatchRevoke>;
export const DeviceBatchRevoked = Type.Object({ deviceIds: Type.Array(Id) });
export type DeviceBatchRevoked = Static<typeof DeviceBatchRevoked>;

export const DeviceToken = Type.Object({ token: DeviceCreated.properties.token });

export const ActivateRequest = Type.Object(
  {
    code: Type.String({ pattern: '^[0-9]{6}$', description: 'The six digits that the device shows or speaks' }),
    siteId: Type.Optional(Id),
    name: Type.Optional(Name),
  },
  { additionalProperties: false },
);
export type ActivateRequest = Static<typeof ActivateRequest>;

/** `waiting`: the code was right and the device has yet to prove its key; it does so at its next poll (3 to 10 s). */
export const ActivateReply = Type.Object({
  outcome: literals(['active', 'waiting']),
  deviceId: Id,
  siteId: Id,
  hardwareId: Type.String(),
});
export type ActivateReply = Static<typeof ActivateReply>;

/** A key known before the device knocks: the hex digits that the maker burnt into it. */
export const DeviceKeyRegister = Type.Object(
  {
    serialNumber: Type.String({ pattern: '^[!-~]{1,64}$', description: '1 to 64 printable ASCII characters' }),
    hmacKey: Type.String({ pattern: '^[0-9a-fA-F]{32,128}$', description: 'Write-only; never shown again' }),
    siteId: Type.Optional(Id),
  },
  { additionalProperties: false },
);
export type DeviceKeyRegister = Static<typeof DeviceKeyRegister>;
