import { serveChild } from '../../../platform/children/serve.ts';
import { type Batch, type BatchResult, INPUT, loadSilero, STATE } from './model.ts';

/** Rows of the batches run before the first real one: one device, and several at once. */
const WARM_ROWS = [1, 2, 4, 8, 16, 1, 2, 4, 8, 16];

serveChild<null, Batch, BatchResult>(async () => {
  const run = await loadSilero();
  for (const rows of WARM_ROWS) {
    await run({
      rounds: [rows, rows],
      input: new Float32Array(2 * rows * INPUT),
      state: new Float32Array(rows * STATE),
    });
  }
  return run;
});
