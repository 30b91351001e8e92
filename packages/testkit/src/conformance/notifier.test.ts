import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MusterError } from '@muster/contract';
import { type NotifierSubject, notifierCases } from './notifier.ts';

/** Ways to break a notifier, each with the case that must notice it. */
const NOTICED = {
  sendsNothing: /^has told the receiver/,
  sendsTwice: /^has told the receiver|^tells every one/,
  losesSome: /^tells every one/,
  hidesRefusal: /^says so when the receiver refuses/,
  otherError: /^says so when the receiver refuses|^says so when nobody/,
  staysBroken: /^says so when the receiver refuses|^shows no secret/,
  tellsSecret: /^shows no secret/,
  ignoresAbort: /^ends soon/,
  hidesAbsence: /^says so when nobody/,
} as const;
type Flaw = keyof typeof NOTICED;

function subject(flaw: Flaw | null): NotifierSubject {
  const received: string[] = [];
  let fault: 'refusing' | 'hanging' | 'gone' | null = null;
  let broken = false;
  let count = 0;
  const secret = 'a secret';
  return {
    remote: true,
    secret,
    received: () => (flaw === 'sendsNothing' && count === 1 ? [] : received),
    setFault: async (next) => {
      fault = next;
    },
    close: async () => undefined,
    async send({ notificationId, title }, signal) {
      count += 1;
      const failure = new MusterError(
        flaw === 'otherError' ? 'INTERNAL' : 'NOTIFIER_FAILED',
        {},
        {
          say: flaw === 'tellsSecret' ? secret : 'no',
        },
      );
      if (fault === 'hanging') {
        await new Promise((_, reject) => {
          const stay = setTimeout(() => reject(failure), 4_000);
          stay.unref();
          if (flaw !== 'ignoresAbort') signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      }
      if (fault === 'refusing') broken = true;
      if (fault === 'refusing' && flaw !== 'hidesRefusal') throw failure;
      if (fault === 'gone' && flaw !== 'hidesAbsence') throw failure;
      if (flaw === 'staysBroken' && broken) throw failure;
      if (flaw === 'losesSome' && count > 5) return 'taken';
      received.push(title + notificationId);
      if (flaw === 'sendsTwice') received.push(title + notificationId);
      return 'taken';
    },
  };
}

async function failing(flaw: Flaw | null): Promise<string[]> {
  const failed = await Promise.all(
    notifierCases(true).map(async (one) =>
      one.run(subject(flaw)).then(
        () => '',
        () => one.name,
      ),
    ),
  );
  return failed.filter((name) => name !== '');
}

describe('the suite of notifiers', () => {
  it('passes one that keeps its promises', async () => assert.deepEqual(await failing(null), []));
  for (const flaw of Object.keys(NOTICED) as Flaw[]) {
    it(`notices one that ${flaw}`, async () => {
      const noticed = await failing(flaw);
      assert.ok(noticed.length > 0, 'no case failed');
      for (const name of noticed) assert.match(name, NOTICED[flaw]);
    });
  }
});
