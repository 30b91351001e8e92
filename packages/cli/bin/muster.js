#!/usr/bin/env node
// Plain JavaScript, so that an old Node can run it: it hands over to the Node 24 that `npm ci` put beside it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const OLDEST = 24;

if (Number(process.versions.node.split('.')[0]) >= OLDEST) {
  // Compiled code is kept between runs: a command starts in half the time.
  module.enableCompileCache();
  const { main } = await import('../src/main.ts');
  process.exitCode = await main(process.argv.slice(2));
} else {
  const node = findNode(dirname(fileURLToPath(import.meta.url)));
  if (node === undefined) {
    console.error(`muster: Muster needs Node ${OLDEST} and this is ${process.version}. Run \`npm ci\` in its folder.`);
    process.exitCode = 1;
  } else {
    handOver(node);
  }
}

/** node_modules/.bin/node of the nearest folder above that has one. */
function findNode(from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const node = join(folder, 'node_modules/.bin/node');
    if (existsSync(node)) return node;
    if (folder === dirname(folder)) return undefined;
  }
}

function handOver(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`muster: ${node} does not start: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('close', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    // Dies of the same signal as the child did, so that the shell sees the truth.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
