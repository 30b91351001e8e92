/** Text that is HTML already; everything else that is put into a template is escaped. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign] ?? '');

/** `html\`<p>${name}</p>\``: what comes from outside is escaped, always. */
export function html(parts: TemplateStringsArray, ...values: readonly (string | Html)[]): Html {
  const text = parts.map((part, nth) => {
    const value = values[nth];
    return part + (value === undefined ? '' : value instanceof Html ? value.text : escapeHtml(value));
  });
  return new Html(text.join(''));
}
