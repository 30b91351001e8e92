import { type Static, Type } from 'typebox';

/** Whom people tell when they find a hole in this server; see RFC 9116. */
export const securityConfig = Type.Object({
  contact: Type.Optional(
    Type.String({
      pattern: '^(mailto:[^\\s@]+@[^\\s@]+|https://\\S+|tel:\\+[0-9-]+)$',
      description:
        'Who takes reports of vulnerabilities: mailto:security@example.com, an https or a tel address. Served as ' +
        '/.well-known/security.txt, which is not there without it',
    }),
  ),
  policy: Type.Optional(
    Type.String({ pattern: '^https://\\S+$', description: 'Page that says how reports are handled' }),
  ),
  languages: Type.String({
    default: 'en',
    pattern: '^[A-Za-z0-9-]{2,35}(, ?[A-Za-z0-9-]{2,35})*$',
    description: 'Languages in which reports are read, with commas',
  }),
});
export type SecurityConfig = Static<typeof securityConfig>;
