import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type ErrorCode, MusterError } from '@muster/contract';

/** One promise of a port, checked on a fresh subject. It fails by rejecting. */
export interface Case<Subject> {
  readonly name: string;
  /** The fault without which the case makes no sense. */
  readonly fault?: Fault;
  run(subject: Subject): Promise<void>;
}

/** What can go wrong at the far side of a provider. */
export const FAULTS = ['rateLimited', 'badKey', 'failing', 'hanging', 'halfAnswer'] as const;
export type Fault = (typeof FAULTS)[number];

/** What a provider of any stage looks like to its suite. */
export interface ProviderSubject<Port> {
  /** Its time limit must be 300 ms to 2 s, for the case where the far side hangs. */
  readonly port: Port;
  /** From now on every call meets this fault; null ends it. */
  setFault(fault: Fault | null): void;
  /** Calls that the far side still serves: open requests, busy children. */
  open(): number;
  close(): Promise<void>;
}

/**
 * Registers the cases as tests, but those that need a fault which cannot be caused here. Each case gets a subject and
 * closes it.
 */
export function registerCases<Subject extends { close(): Promise<void> }>(
  name: string,
  cases: readonly Case<Subject>[],
  make: () => Subject | Promise<Subject>,
  faults: readonly Fault[] = FAULTS,
): void {
  describe(`${name} keeps the promises of its port`, () => {
    for (const one of cases) {
      if (one.fault !== undefined && !faults.includes(one.fault)) continue;
      it(one.name, async () => {
        const subject = await make();
        try {
          await one.run(subject);
        } finally {
          await subject.close();
        }
      });
    }
  });
}

/** The promise is 100 ms; the rest is for a loaded machine. */
const ABORT_MS = 1_000;
/** Longer than the time limit of any subject, ms. */
const PATIENCE_MS = 4_000;

const EXPECTED: Readonly<Record<Fault, { code: ErrorCode; retryable: boolean; name: string }>> = {
  rateLimited: { code: 'PROVIDER_RATE', retryable: true, name: 'says that too many requests may be tried again' },
  badKey: { code: 'PROVIDER_KEY', retryable: false, name: 'says that a bad key will not get better' },
  failing: { code: 'PROVIDER_FAILED', retryable: true, name: 'says that a failing server may be tried again' },
  hanging: { code: 'PROVIDER_TIMEOUT', retryable: true, name: 'does not wait for ever for a server that hangs' },
  halfAnswer: { code: 'PROVIDER_BROKEN', retryable: true, name: 'does not take half an answer for a whole one' },
};

/**
 * The cases that every provider shares. `call` makes one whole call and reads its answer to the end.
 */
export function sharedCases<Port>(
  call: (port: Port, signal: AbortSignal) => Promise<unknown>,
): Case<ProviderSubject<Port>>[] {
  const never = (): AbortSignal => new AbortController().signal;
  return [
    {
      name: 'refuses a call that was aborted before it began',
      async run({ port, open }) {
        const reason = new MusterError('SERVER_STOPPING');
        assert.equal(await outcome(call(port, AbortSignal.abort(reason))), reason);
        assert.equal(open(), 0);
      },
    },
    {
      name: 'ends with the reason of the signal soon after an abort',
      fault: 'hanging',
      async run({ port, setFault }) {
        setFault('hanging');
        assert.equal(await abortedCall(port), 'the reason');
      },
    },
    {
      name: 'frees what it held after an abort',
      fault: 'hanging',
      async run({ port, setFault, open }) {
        setFault('hanging');
        await abortedCall(port);
        await until(() => open() === 0, 'something is still open after an abort');
      },
    },
    ...FAULTS.map((fault) => ({
      name: EXPECTED[fault].name,
      fault,
      async run({ port, setFault }: ProviderSubject<Port>) {
        setFault(fault);
        const error = await Promise.race([
          outcome(call(port, never())),
          wait(PATIENCE_MS, 'nothing yet', { ref: false }),
        ]);
        assert.ok(error instanceof MusterError, `${String(error)} is not a MusterError`);
        assert.equal(error.code, EXPECTED[fault].code);
        assert.equal(error.retryable, EXPECTED[fault].retryable);
      },
    })),
    {
      name: 'works again after a fault',
      fault: 'failing',
      async run({ port, setFault }) {
        setFault('failing');
        await outcome(call(port, never()));
        setFault(null);
        await call(port, never());
      },
    },
  ];

  /** Aborts a call that is under way; 'the reason' when it ended as it should. */
  async function abortedCall(port: Port): Promise<unknown> {
    const controller = new AbortController();
    const reason = new MusterError('SERVER_STOPPING');
    const ended = outcome(call(port, controller.signal));
    await wait(50);
    controller.abort(reason);
    const error = await Promise.race([ended, wait(ABORT_MS, 'nothing yet', { ref: false })]);
    return error === reason ? 'the reason' : error;
  }
}

/** What a promise rejects with, or 'no error'. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => error,
  );
}

/** Waits for a condition, at most 2 s. */
async function until(condition: () => boolean, otherwise: string): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 200, otherwise);
    await wait(10);
  }
}
