import { type Static, Type } from 'typebox';
import { At, Id, Name, nullable } from './fields.ts';

const Filters = Type.Array(Type.String({ minLength: 1, maxLength: 256, pattern: '^devices/' }), {
  maxItems: 32,
  description: 'MQTT topic filters, for example devices/+/telemetry or devices/+/app/#',
});

/** Lets a program use the MQTT broker for the devices of one site, within topic filters. */
export const ApiKey = Type.Object({
  keyId: Id,
  siteId: Id,
  name: Name,
  mayPublish: Filters,
  maySubscribe: Filters,
  createdAt: At,
  expiresAt: At,
  lastUsedAt: nullable(At),
});
export type ApiKey = Static<typeof ApiKey>;

export const ApiKeyCreate = Type.Object(
  {
    siteId: Id,
    name: Name,
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
  secret: Type.String({ description: 'Shown once: the password, with the user name `key`' }),
});
export type ApiKeyCreated = Static<typeof ApiKeyCreated>;

export const ApiKeyList = Type.Object({ keys: Type.Array(ApiKey) });
export type ApiKeyList = Static<typeof ApiKeyList>;
