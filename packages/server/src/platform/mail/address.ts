import { MusterError } from '@muster/contract';

/** RFC 5321 4.5.3.1: 64 octets before the @, 255 behind. No quoted local parts: nothing in it can be a header or a list. */
const ADDRESS = /^[^\s@<>()[\],;:"\\\p{C}]{1,64}@[^\s@<>()[\],;:"\\\p{C}]{1,255}$/u;
const NAMED = /^([^<>"\\\p{C}]{1,100}?)\s*<([^<>\s]+)>$/u;

export interface Mailbox {
  readonly name: string;
  readonly address: string;
}

/** Throws MAIL_REFUSED when it is not one plain address. */
export function checkAddress(address: string): string {
  if (!ADDRESS.test(address)) throw new MusterError('MAIL_REFUSED', {}, { say: 'This is no e-mail address.' });
  return address;
}

/** `address` or `Name <address>`. Throws MAIL_REFUSED. */
export function readMailbox(text: string): Mailbox {
  const [, name = '', address = text] = NAMED.exec(text.trim()) ?? [];
  return { name: name.trim(), address: checkAddress(address.trim()) };
}

/**
 * Text that somebody typed, as one harmless line: no line breaks (headers), no control or formatting characters (which turn
 * the text around them backwards or hide it), at most `most` characters.
 */
export function oneLine(text: string, most: number): string {
  // the marks of joined letters (U+200C, U+200D) are formatting too, and words in Persian and emoji need them
  const plain = text.replace(/\s+/gu, ' ').replace(/(?![\u200c\u200d])\p{C}/gu, '');
  const characters = [...plain.trim()];
  return characters.length <= most ? characters.join('') : `${characters.slice(0, most - 1).join('')}…`;
}
