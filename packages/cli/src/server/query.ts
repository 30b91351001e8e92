/** `?limit=5&after=x` of what is given; nothing for nothing. */
export function query(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) params.set(name, String(value));
  return params.size === 0 ? '' : `?${params}`;
}

/** A page of a list: `after` is the `next` of the page before. */
export interface PageQuery {
  readonly limit?: number | undefined;
  readonly after?: string | undefined;
}
