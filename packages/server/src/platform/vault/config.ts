import { type Static, Type } from 'typebox';

export const secretsConfig = Type.Object({
  key: Type.Optional(
    Type.String({
      secret: true,
      description:
        'Key that seals secrets in the database, 32 bytes as base64 (openssl rand -base64 32); the same for every server of one database. Default: that of the key file',
    }),
  ),
  previousKeys: Type.Optional(
    Type.String({
      secret: true,
      description:
        'Keys that were used before, with commas between them: what they sealed is sealed anew with secrets.key',
    }),
  ),
  keyFile: Type.Optional(
    Type.String({ description: 'File with the key when secrets.key is not set; default: secrets.key in dataDir' }),
  ),
});
export type SecretsConfig = Static<typeof secretsConfig>;
