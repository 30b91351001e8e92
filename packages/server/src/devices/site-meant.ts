import { MusterError } from '@muster/contract';

/** The site that a request is about: the one it names, else the caller's only one. REQUEST_INVALID when it is neither. */
export async function siteMeant(
  named: string | undefined,
  sites: readonly string[] | null,
  onlySite: (sites: readonly string[] | null) => Promise<string | null>,
): Promise<string> {
  const siteId = named ?? (await onlySite(sites));
  if (siteId !== null) return siteId;
  throw new MusterError('REQUEST_INVALID', {}, { say: 'You belong to several sites, or to none: name the site.' });
}
