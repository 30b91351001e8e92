/**
 * Loaded into every test process by tools/test.ts: ends a file that is still running at its limit. node:test limits
 * single tests only, so a handle that a test forgot to close would hold the whole run for ever.
 */
const LIMIT_MS = Number(process.env.TEST_FILE_LIMIT_MS ?? 240_000);

// Set by the runner in the processes of the files, not in its own.
if (process.env.NODE_TEST_CONTEXT !== undefined) {
  setTimeout(() => {
    const open = process.getActiveResourcesInfo().join(', ');
    process.stderr.write(`Still running after ${LIMIT_MS} ms, so it was ended. Open: ${open}\n`);
    process.exit(1);
  }, LIMIT_MS).unref();
}
