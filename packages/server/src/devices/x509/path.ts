import { type Certificate, isIssuedBy } from './certificate.ts';

/** The way from a certificate of a device to an authority of a site: every step was checked. */
export interface Path<Authority> {
  readonly authority: Authority;
  /** What a row of the revoked certificates may call it, or one of those between it and the authority. */
  readonly names: readonly string[];
  /** When all of them hold, the authority of the site aside, whose own times stand with it. */
  readonly beginsAt: number;
  readonly endsAt: number;
}

/** How a revoked certificate is called: by whose key it was signed, directly or not, and its serial number or fingerprint. */
export function revokedName(issuerKeyHash: string, serialOrFingerprint: string): string {
  return `${issuerKeyHash}:${serialOrFingerprint}`;
}

/**
 * RFC 5280, section 6, as far as devices need it: from the leaf up, each signed by the next, which must be an authority
 * that may have so many below it, to the first that is one of `authorities`. Null when there is none; the times are the
 * caller's to judge. `known` gives the authorities that could have signed a certificate, by its issuer's name.
 */
export function findPath<Authority extends { readonly certificate: Certificate }>(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  known: (issuer: string) => readonly Authority[],
): Path<Authority> | null {
  const way: Certificate[] = [leaf];
  for (let at = leaf; ; ) {
    // authorities below the next one, that is between it and the leaf
    const below = way.length - 1;
    const allowed = (issuer: Certificate): boolean =>
      (issuer.pathLength === null || below <= issuer.pathLength) && isIssuedBy(at, issuer);
    const authority = known(at.x509.issuer).find(({ certificate }) => allowed(certificate));
    if (authority !== undefined) return pathOf(way, authority);
    const next = intermediates.find((one) => !way.includes(one) && allowed(one));
    if (next === undefined) return null;
    way.push(next);
    at = next;
  }
}

function pathOf<Authority extends { readonly certificate: Certificate }>(
  way: readonly Certificate[],
  authority: Authority,
): Path<Authority> {
  const keys = [...way, authority.certificate].map(({ keyHash }) => keyHash);
  const names = way.flatMap(({ serial, fingerprint }, at) =>
    keys.slice(at + 1).flatMap((key) => [revokedName(key, serial), revokedName(key, fingerprint)]),
  );
  return {
    authority,
    names,
    beginsAt: Math.max(...way.map(({ beginsAt }) => beginsAt)),
    endsAt: Math.min(...way.map(({ endsAt }) => endsAt)),
  };
}
