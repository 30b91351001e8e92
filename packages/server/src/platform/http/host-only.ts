/** Who knows the address of a webhook can post to it: where it leads, and no more. Null for what is no address. */
export function hostOnly(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}/…`;
}
