import type { FakeOpenAi, OpenAiFault } from '../fakes/openai.ts';
import type { Fault, ProviderSubject } from './case.ts';

const SCRIPTS: Readonly<Record<Fault, OpenAiFault>> = {
  rateLimited: { kind: 'status', status: 429 },
  badKey: { kind: 'status', status: 401 },
  failing: { kind: 'status', status: 503 },
  hanging: { kind: 'hang' },
  halfAnswer: { kind: 'halfStream' },
};

/** A provider whose far side is the fake server, as a suite wants it. */
export function openAiSubject<Port extends { close(): Promise<void> }>(
  fake: FakeOpenAi,
  port: Port,
): ProviderSubject<Port> {
  return {
    port,
    setFault(fault) {
      fake.fault = fault === null ? null : SCRIPTS[fault];
    },
    open: () => fake.open(),
    async close() {
      await port.close();
      await fake.close();
    },
  };
}
