import { type Static, Type } from 'typebox';

/** The bus's piece of the configuration. */
export const busConfig = Type.Object({
  url: Type.Optional(
    Type.String({
      env: 'BUS_URL',
      secret: true,
      pattern: '^(nats|tls)://[^\\s,]+(,(nats|tls)://[^\\s,]+)*$',
      description:
        'NATS server that joins several servers on one database: nats://user:password@host:4222, or tls:// to demand TLS; several of one cluster with commas. Default: this server is alone',
    }),
  ),
  credentialsFile: Type.Optional(
    Type.String({ description: 'File with the NATS credentials (JWT and key) of this server, instead of a password' }),
  ),
  caFile: Type.Optional(
    Type.String({ description: 'Certificates that sign the one of NATS, PEM; default: those that Node knows' }),
  ),
  subject: Type.String({
    default: 'muster',
    pattern: '^[A-Za-z0-9_-]{1,64}(\\.[A-Za-z0-9_-]{1,64}){0,7}$',
    description: 'First part of every NATS subject: servers on one database share it, other installations have another',
  }),
});
export type BusConfig = Static<typeof busConfig>;
