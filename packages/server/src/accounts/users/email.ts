import { domainToASCII } from 'node:url';
import { MusterError } from '@muster/contract';

/**
 * The one spelling in which addresses are compared: small letters, the domain as ASCII (punycode). What is typed at
 * signing in may be anything, so this never throws.
 */
export function canonicalEmail(email: string): string {
  const plain = email.normalize('NFKC').trim().toLowerCase();
  const at = plain.lastIndexOf('@');
  if (at < 0) return plain;
  return `${plain.slice(0, at)}@${domainToASCII(plain.slice(at + 1)) || plain.slice(at + 1)}`;
}

/** RFC 5321, section 4.1.2, without quoted forms, which nobody has. */
const LOCAL = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$/;
const DOMAIN = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * An address as it is stored for somebody new: REQUEST_INVALID when it is none. Before the @ only ASCII is taken, and
 * the domain is kept as ASCII, so that an address that merely looks like another one (Cyrillic а for Latin a) cannot be
 * one here, or is seen to be another: https://www.unicode.org/reports/tr39/
 */
export function readEmail(typed: string): string {
  const email = typed.trim();
  const at = email.lastIndexOf('@');
  const domain = domainToASCII(email.slice(at + 1));
  if (at > 0 && LOCAL.test(email.slice(0, at)) && DOMAIN.test(domain)) return `${email.slice(0, at)}@${domain}`;
  const say = 'This is no e-mail address. Before the @ it may have Latin letters without accents, digits and signs.';
  throw new MusterError('REQUEST_INVALID', {}, { say });
}

/** Characters that show nothing, or turn around what stands beside them. */
const DECEIVING = /[\p{Cc}\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;
/** Joiners show nothing in these scripts; Persian, Indic scripts and emoji need them. */
const IDLE_JOINER = /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Han}][\u200c\u200d]/u;

/** A name as it is stored; REQUEST_INVALID for one with characters that deceive whoever reads it. */
export function readPersonName(typed: string): string {
  const name = typed.normalize('NFC').trim();
  if (name !== '' && !DECEIVING.test(name) && !IDLE_JOINER.test(name)) return name;
  throw new MusterError('REQUEST_INVALID', {}, { say: 'The name is empty, or has characters that show nothing.' });
}
