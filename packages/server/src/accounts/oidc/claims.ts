import type { OidcConfig } from './config.ts';

/** What a checked id token says of somebody. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  /** Null when there is none, or the provider does not say that it is theirs. */
  readonly email: string | null;
  readonly name: string | null;
  readonly locale: string | null;
  readonly groups: ReadonlySet<string>;
  /** The provider asked for a second factor. */
  readonly hasSecondFactor: boolean;
}

type Claims = Readonly<Record<string, unknown>>;

/** Pure. Null when the provider says that there are groups and does not name them: what to take away is not known. */
export function readClaims(claims: Claims, config: OidcConfig): Identity | null {
  if (isLeftOut(claims, config.groupsClaim)) return null;
  const text = (name: string): string | null => {
    const value = claims[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const factors = [...texts(claims.amr), ...texts(claims.acr)];
  return {
    issuer: text('iss') ?? '',
    subject: text('sub') ?? '',
    email: isTrue(claims[config.emailVerifiedClaim]) ? text('email') : null,
    name: text('name') ?? text('preferred_username'),
    locale: text('locale'),
    groups: new Set(texts(inside(claims, config.groupsClaim))),
    hasSecondFactor: factors.some((value) => config.secondFactorValues.includes(value)),
  };
}

/** Providers write it in each of these ways. */
const isTrue = (value: unknown): boolean => value === true || value === 'true' || value === 1 || value === '1';

const texts = (value: unknown): string[] =>
  [value].flat().filter((one): one is string => typeof one === 'string' && one !== '');

const own = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;

/** A claim may have dots in its name (`https://example.com/groups`), so that is looked for first. */
const inside = (claims: Claims, name: string): unknown =>
  own(claims, name) ?? name.split('.').reduce<unknown>((at, key) => own(at, key), claims);

/** "Aggregated and distributed claims", OpenID Connect Core, section 5.6.2: Entra ID does it past 200 groups. */
const isLeftOut = (claims: Claims, name: string): boolean => own(claims._claim_names, name) !== undefined;
