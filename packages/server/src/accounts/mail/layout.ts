import type { Language } from '@muster/contract';

/** A piece of a line: our own words, or a fact that somebody typed. */
export interface Piece {
  readonly text: string;
  readonly fact: boolean;
}

export interface LetterParts {
  readonly language: Language;
  readonly title: readonly Piece[];
  readonly paragraphs: readonly (readonly Piece[])[];
  readonly button: string;
  readonly link: string;
  readonly linkAsText: string;
  readonly ignore: string;
  readonly footer: readonly Piece[];
}

/** Unicode FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE: a name in another script leaves the line around it alone. */
const ISOLATE = '\u2068';
const END_ISOLATE = '\u2069';

export function toText(letter: LetterParts): string {
  const line = (pieces: readonly Piece[]): string =>
    pieces.map(({ text, fact }) => (fact ? ISOLATE + text + END_ISOLATE : text)).join('');
  const { paragraphs, button, link, ignore, footer } = letter;
  return `${[...paragraphs.map(line), `${button}:\n${link}`, ignore, `-- \n${line(footer)}`].join('\n\n')}\n`;
}

/** Styles stand at the elements: many mail programs drop style sheets. No images, nothing is fetched. */
export function toHtml(letter: LetterParts): string {
  const { language, title, paragraphs, button, link, linkAsText, ignore, footer } = letter;
  const line = (pieces: readonly Piece[]): string =>
    pieces.map(({ text, fact }) => (fact ? `<bdi>${escapeHtml(text)}</bdi>` : escapeHtml(text))).join('');
  const direction = language === 'ar' ? 'rtl' : 'ltr';
  const side = language === 'ar' ? 'right' : 'left';
  const href = escapeHtml(link);
  return `<!doctype html>
<html lang="${language}" dir="${direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light">
<title>${escapeHtml(title.map(({ text }) => text).join(''))}</title>
</head>
<body dir="${direction}" style="margin:0;padding:24px 12px;background:#f3f4f6;color:#1f2937;font:16px/1.6 system-ui,'Segoe UI',Roboto,'Noto Sans',Arial,sans-serif">
<div dir="${direction}" style="max-width:520px;margin:0 auto;padding:32px;background:#ffffff;border:1px solid #e5e7eb;border-radius:12px;text-align:${side};overflow-wrap:anywhere">
<div style="margin:0 0 20px;font-weight:700;color:#0f766e">Muster</div>
<h1 style="margin:0 0 16px;font-size:22px;line-height:1.35;color:#111827">${line(title)}</h1>
${paragraphs.map((pieces) => `<p style="margin:0 0 12px">${line(pieces)}</p>`).join('\n')}
<p style="margin:24px 0"><a href="${href}" style="display:inline-block;padding:12px 22px;background:#0f766e;color:#ffffff;border-radius:8px;text-decoration:none;font-weight:600">${escapeHtml(button)}</a></p>
<p style="margin:0 0 20px;font-size:13px;color:#4b5563">${escapeHtml(linkAsText)}<br><a href="${href}" dir="ltr" style="color:#0f766e;word-break:break-all">${href}</a></p>
<p style="margin:0 0 20px">${escapeHtml(ignore)}</p>
<p style="margin:0;padding-top:16px;border-top:1px solid #e5e7eb;font-size:13px;color:#6b7280">${line(footer)}</p>
</div>
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (mark) => ENTITIES[mark] ?? mark);
