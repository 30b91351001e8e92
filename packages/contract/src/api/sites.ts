import { type Static, Type } from 'typebox';
import { LanguageSchema } from '../languages.ts';
import { At, Id, literals, Name } from './fields.ts';

export const SITE_KINDS = ['home', 'shop', 'plant', 'lab'] as const;
/** `none` passes words through (adults' sites); `required` refuses every word until a screener is configured. */
export const SCREENING = ['none', 'required'] as const;

/** What is done when two devices seem to use one identity: people are told, or it is shut out until one of them looked. */
export const CLONE_POLICIES = ['alert', 'quarantine'] as const;

/** How long measurements can be kept, days. Averages of hours and days are kept for two years at least. */
export const TELEMETRY_KEEP_DAYS = [7, 30, 90, 365, 1825] as const;
const KeepDays = Type.Unsafe<(typeof TELEMETRY_KEEP_DAYS)[number]>(
  Type.Integer({ enum: [...TELEMETRY_KEEP_DAYS], description: 'How long measurements are kept, days' }),
);

export const Site = Type.Object({
  siteId: Id,
  name: Name,
  kind: literals(SITE_KINDS),
  language: LanguageSchema,
  timeZone: Type.String({ description: 'IANA name, for example Asia/Ho_Chi_Minh' }),
  keepWords: Type.Boolean({ description: 'Whether turns keep what was said; off by default' }),
  screening: literals(SCREENING),
  telemetryKeepDays: KeepDays,
  clonePolicy: literals(CLONE_POLICIES, 'What is done when two devices seem to use one identity'),
  createdAt: At,
});
export type Site = Static<typeof Site>;

export const SiteCreate = Type.Object(
  {
    name: Name,
    kind: Type.Optional(literals(SITE_KINDS)),
    language: Type.Optional(LanguageSchema),
    timeZone: Type.Optional(Type.String({ maxLength: 64 })),
    keepWords: Type.Optional(Type.Boolean()),
    screening: Type.Optional(literals(SCREENING)),
    telemetryKeepDays: Type.Optional(KeepDays),
    clonePolicy: Type.Optional(literals(CLONE_POLICIES)),
  },
  { additionalProperties: false },
);
export type SiteCreate = Static<typeof SiteCreate>;

export const SiteChange = Type.Partial(SiteCreate, { additionalProperties: false });
export type SiteChange = Static<typeof SiteChange>;
export const SiteList = Type.Object({ sites: Type.Array(Site) });
export type SiteList = Static<typeof SiteList>;
