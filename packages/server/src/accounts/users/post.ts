import type { User } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { afterCommit } from '../../platform/db/index.ts';
import type { Logger } from '../../platform/log.ts';
import type { Mailer } from '../../platform/mail/index.ts';
import { type Facts, type LetterKind, writeLetter } from '../mail/index.ts';

/** What people are told about their account: by mail, once it has happened. */
export interface Post {
  /** Whether mail can be sent; without it a link is shown to whoever may hand it on. */
  readonly canMail: boolean;
  /** `https://muster.example.com/accept?token=…`: a page of this server. */
  link(path: string): string;
  send<Kind extends LetterKind>(
    kind: Kind,
    facts: Facts[Kind],
    to: Pick<User, 'email' | 'language'>,
    path: string,
  ): void;
  /** Where there is no mail: a line on the console of the server, which its administrator reads. */
  print(line: string): void;
}

export function createPost(deps: {
  readonly mailer: Mailer;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where people reach this server, without a slash at the end. */
  readonly base: () => string;
  readonly print: (line: string) => void;
}): Post {
  const { mailer, log } = deps;
  const link = (path: string): string => deps.base() + path;
  return {
    canMail: mailer.configured,
    link,
    send(kind, facts, { email, language }, path) {
      if (!mailer.configured) return;
      // nobody hears of what did not happen
      afterCommit(() => {
        try {
          mailer.send(writeLetter(kind, facts, { to: email, language, timeZone: 'UTC', link: link(path) }));
        } catch (error) {
          log.error({ err: error, letter: kind }, 'a letter could not be sent');
        }
      });
    },
    print: (line) => afterCommit(() => deps.print(line)),
  };
}
