import { Type } from 'typebox';

export const httpConfig = Type.Object({
  host: Type.String({
    default: '127.0.0.1',
    description: 'Address to listen on; 0.0.0.0 lets devices of the network in',
  }),
  port: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080, description: 'TCP port; 0 takes a free one' }),
  publicUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^/\\s]+/?$',
      description:
        'How devices and people reach this server, for example https://muster.example.com; default: as they asked',
    }),
  ),
  behindProxy: Type.Boolean({
    default: false,
    description: 'Trust X-Forwarded-For and -Proto of a proxy on loopback or a private network',
  }),
  maxConnections: Type.Integer({
    minimum: 10,
    maximum: 1_000_000,
    default: 50_000,
    description: 'Connections at a time, those of devices and screens included; more are closed at once',
  }),
  connectionsPerAddress: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 10_000,
    description: 'The same from one address, which may be a whole fleet behind its router; not counted behindProxy',
  }),
  certificateHeader: Type.Optional(
    Type.String({
      pattern: '^[a-z0-9-]{1,64}$',
      description:
        'Header in which the proxy puts the certificate of a device, for example client-cert (RFC 9440) or x-ssl-client-cert (nginx); it must overwrite what clients send',
    }),
  ),
  certificateProxies: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      maxItems: 32,
      description:
        'Addresses and networks of that proxy, from nowhere else is the header believed; default: this machine',
    }),
  ),
  tlsCert: Type.Optional(
    Type.String({ env: 'TLS_CERT', description: 'Certificate chain, PEM file; with tlsKey serves https' }),
  ),
  tlsKey: Type.Optional(Type.String({ env: 'TLS_KEY', description: 'Private key, PEM file' })),
});
