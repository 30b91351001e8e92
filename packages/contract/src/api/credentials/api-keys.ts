import { type Static, Type } from 'typebox';
import { At, Id, Name, nullable } from '../fields.ts';

const Filters = Type.Array(Type.String({ minLength: 1, maxLength: 256, pattern: '^devices/' }), {
  maxItems: 32,
  description: 'MQTT topic filters, for example devices/+/telemetry or devices/+/app/#',
});

const Actions = Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
  maxItems: 64,
  description: 'What it may do over HTTP: actions of docs/reference/permissions.md, for example device.read',
});
const Addresses = Type.Array(Type.String({ minLength: 2, maxLength: 50 }), {
  maxItems: 32,
  description: 'From where it may be used: addresses or networks such as 10.0.0.0/8; empty: from everywhere',
});
const SiteOrServer = Type.Union([Id, Type.Null()], { description: 'Null: of the whole server, and of every site' });

/** Lets a program use the HTTP API and the MQTT broker: of one site or of all, for these actions and topics. */
export const ApiKey = Type.Object({
  keyId: Id,
  siteId: SiteOrServer,
  name: Name,
  actions: Actions,
  addresses: Addresses,
  mayPublish: Filters,
  maySubscribe: Filters,
  createdAt: At,
  expiresAt: At,
  lastUsedAt: nullable(At),
  lastUsedFrom: nullable(Type.String({ description: 'Network address' })),
});
export type ApiKey = Static<typeof ApiKey>;

export const ApiKeyCreate = Type.Object(
  {
    siteId: SiteOrServer,
    name: Name,
    actions: Type.Optional(Actions),
    addresses: Type.Optional(Addresses),
    mayPublish: Type.Optional(Filters),
    maySubscribe: Type.Optional(Filters),
    days: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 730, description: 'How long it holds; 90 days if left out' }),
    ),
  },
  { additionalProperties: false },
);
export type ApiKeyCreate = Static<typeof ApiKeyCreate>;

export const ApiKeyCreated = Type.Object({
  key: ApiKey,
  secret: Type.String({
    description: 'Shown once: `Authorization: Bearer` over HTTP; over MQTT the password, with the user name `key`',
  }),
});
export type ApiKeyCreated = Static<typeof ApiKeyCreated>;

export const ApiKeyList = Type.Object({ keys: Type.Array(ApiKey) });
export type ApiKeyList = Static<typeof ApiKeyList>;
