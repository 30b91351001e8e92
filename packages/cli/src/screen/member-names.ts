/** Names of what a schema of an object wants, in one line: those that must be given first, the others in brackets. */
export function memberNames(schema: unknown): string {
  const { properties = {}, required = [] } = schema as { properties?: object; required?: readonly string[] };
  const optional = Object.keys(properties).filter((name) => !required.includes(name));
  return [...required, ...optional.map((name) => `[${name}]`)].join(' ') || '-';
}
