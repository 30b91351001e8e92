import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { MusterError } from '@muster/contract';
import { type Case, registerCases } from './case.ts';

/** What the suite sends. */
export interface TestLetter {
  readonly notificationId: string;
  readonly title: string;
  readonly text: string;
}

/** A notifier with its receiver. */
export interface NotifierSubject {
  /** Resolves once the receiver has it; rejects with NOTIFIER_FAILED. */
  send(letter: TestLetter, signal: AbortSignal): Promise<string>;
  /** What the receiver took, as it came over the wire. */
  received(): readonly string[];
  /** From now on the receiver refuses, does not answer, or is not there; null ends it. */
  setFault(fault: 'refusing' | 'hanging' | 'gone' | null): Promise<void>;
  /** A receiver in this process neither hangs nor goes away. */
  readonly remote: boolean;
  /** What must not be seen in an error; null when there is nothing. */
  readonly secret: string | null;
  close(): Promise<void>;
}

/** The promise is 100 ms; the rest is for a loaded machine. */
const ABORT_MS = 2_000;

const letter = (id: string): TestLetter => ({
  notificationId: id,
  title: `Too hot ${id}`,
  text: 'temp is 81; limit 80',
});
const never = (): AbortSignal => new AbortController().signal;

export function notifierCases(remote: boolean): Case<NotifierSubject>[] {
  const cases: Case<NotifierSubject>[] = [
    {
      name: 'has told the receiver when it resolves, once',
      async run({ send, received }) {
        const said = await send(letter('n-1'), never());
        assert.notEqual(said, '');
        assert.equal(received().length, 1);
        assert.match(received()[0] ?? '', /n-1/);
      },
    },
    {
      name: 'tells every one of many at once',
      async run({ send, received }) {
        await Promise.all(Array.from({ length: 10 }, (_, index) => send(letter(`many-${index}-`), never())));
        for (let index = 0; index < 10; index += 1) {
          assert.equal(received().filter((one) => one.includes(`many-${index}-`)).length, 1);
        }
      },
    },
    {
      name: 'says so when the receiver refuses, and works again afterwards',
      async run({ send, received, setFault }) {
        await setFault('refusing');
        await failsOpenly(send(letter('n-1'), never()));
        await setFault(null);
        await send(letter('n-2'), never());
        assert.match(received().at(-1) ?? '', /n-2/);
      },
    },
    {
      name: 'shows no secret in what it says',
      async run({ send, setFault, secret }) {
        if (secret === null) return;
        await setFault('refusing');
        const error = await outcome(send(letter('n-1'), never()));
        const shown = `${String(error)} ${JSON.stringify(error instanceof MusterError ? error.context : {})}`;
        assert.ok(!shown.includes(secret), 'the secret is in the error');
        await setFault(null);
        assert.ok(!(await send(letter('n-2'), never())).includes(secret), 'the secret is in the answer');
      },
    },
  ];
  if (!remote) return cases;
  return [
    ...cases,
    {
      name: 'ends soon after an abort when the receiver does not answer',
      async run({ send, setFault }) {
        await setFault('hanging');
        const controller = new AbortController();
        const ended = outcome(send(letter('n-1'), controller.signal));
        await wait(50);
        controller.abort(new MusterError('SERVER_STOPPING'));
        const error = await Promise.race([ended, wait(ABORT_MS, 'nothing yet', { ref: false })]);
        assert.ok(error instanceof Error, String(error));
      },
    },
    {
      name: 'says so when nobody is there',
      async run({ send, setFault }) {
        await setFault('gone');
        await failsOpenly(send(letter('n-1'), never()));
      },
    },
  ];
}

/** Runs the suite of notifiers as tests. */
export function notifierConformance(name: string, remote: boolean, make: () => Promise<NotifierSubject>): void {
  registerCases(name, notifierCases(remote), make);
}

async function failsOpenly(sent: Promise<unknown>): Promise<void> {
  const error = await Promise.race([outcome(sent), wait(5_000, 'nothing yet', { ref: false })]);
  assert.ok(error instanceof MusterError, `${String(error)} is not a MusterError`);
  assert.equal(error.code, 'NOTIFIER_FAILED');
}

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => error,
  );
}
