import type { Slot } from './slot.ts';
import type { KeptState, StateStore } from './store.ts';

/** Rows of one statement. */
const BATCH = 1_000;

/** Writes what must survive a restart of each slot that changed; only what differs from what stands there. */
export async function keepStates(store: StateStore, slots: Iterable<Slot>): Promise<void> {
  let batch: { slot: Slot; kept: KeptState }[] = [];
  const flush = async (): Promise<void> => {
    const writing = batch;
    batch = [];
    try {
      await store.save(writing.map(({ kept }) => kept));
    } catch (error) {
      // they are tried again with the next round
      for (const { slot } of writing) slot.dirty = true;
      throw error;
    }
    for (const { slot, kept } of writing) slot.saved = kept.state;
  };
  for (const slot of slots) {
    if (!slot.dirty) continue;
    slot.dirty = false;
    const state = slot.rule.kind.keep(slot.state);
    const json = state === null ? null : JSON.stringify(state);
    if (json === slot.saved) continue;
    batch.push({ slot, kept: { ruleId: slot.rule.row.rule_id, subject: slot.subject.key, state: json } });
    if (batch.length >= BATCH) await flush();
  }
  if (batch.length > 0) await flush();
}
