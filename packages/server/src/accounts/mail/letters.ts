import type { Language } from '@muster/contract';
import { type Letter, oneLine } from '../../platform/mail/index.ts';
import { type Piece, toHtml, toText } from './layout.ts';
import { type FactorChange, type LetterKind, type Role, words } from './words.ts';

/** What each letter tells. Instants are epoch ms. */
export interface Facts {
  /** `place`: the name of the site, or of this deployment. */
  readonly invitation: {
    readonly inviter: string;
    readonly place: string;
    readonly role: Role;
    readonly until: number;
  };
  readonly passwordReset: { readonly until: number };
  readonly passwordChanged: { readonly at: number };
  readonly newSignIn: { readonly at: number; readonly agent: string; readonly address: string };
  readonly secondFactorChanged: { readonly at: number; readonly change: FactorChange };
  readonly recoveryCodeUsed: { readonly at: number; readonly left: number };
  readonly emailConfirmation: { readonly until: number };
  readonly emailChanged: { readonly at: number; readonly newEmail: string };
}

export interface Receiver {
  readonly to: string;
  readonly language: Language;
  /** IANA name, for the times in the letter. */
  readonly timeZone: string;
  /** Where the button leads: our own https address. */
  readonly link: string;
}

const LONGEST_FACT = 100;

/** The letter in the language of its receiver: text and HTML that say the same. All facts are harmless in both. */
export function writeLetter<Kind extends LetterKind>(kind: Kind, facts: Facts[Kind], receiver: Receiver): Letter {
  const { to, language, link } = receiver;
  const own = words[language];
  const { subject, paragraphs, button, ignore } = own.letters[kind];
  const values: Record<string, string> = { to: oneLine(to, 320), host: new URL(link).host };
  for (const [name, fact] of Object.entries(facts)) values[name] = oneLine(say(name, fact, receiver), LONGEST_FACT);
  const fill = (line: string): readonly Piece[] => fillIn(line, values);
  const letter = {
    language,
    title: fill(subject),
    paragraphs: paragraphs.map(fill),
    button,
    link: new URL(link).href,
    linkAsText: own.linkAsText,
    ignore,
    footer: fill(own.footer),
  };
  const plainSubject = letter.title.map(({ text }) => text).join('');
  return { to, subject: plainSubject, text: toText(letter), html: toHtml(letter) };
}

function say(name: string, fact: string | number, { language, timeZone }: Receiver): string {
  if (name === 'at' || name === 'until') return timeOf(Number(fact), language, timeZone);
  const { roles, changes }: Record<'roles' | 'changes', Readonly<Record<string, string>>> = words[language];
  const known = name === 'role' ? roles[fact] : name === 'change' ? changes[fact] : undefined;
  return known ?? String(fact);
}

/** With the name of the time zone: a letter is read anywhere. */
function timeOf(at: number, language: Language, timeZone: string): string {
  const shape = { day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit' } as const;
  const format = new Intl.DateTimeFormat(language, { ...shape, hourCycle: 'h23', timeZone, timeZoneName: 'short' });
  return format.format(at);
}

/** The facts stay apart from our own words, so that the layout can fence them off. */
function fillIn(line: string, values: Readonly<Record<string, string>>): readonly Piece[] {
  return line
    .split(/(\{\w+\})/)
    .filter((part) => part !== '')
    .map((part) => {
      const value = /^\{\w+\}$/.test(part) ? values[part.slice(1, -1)] : undefined;
      return value === undefined ? { text: part, fact: false } : { text: value, fact: true };
    });
}
