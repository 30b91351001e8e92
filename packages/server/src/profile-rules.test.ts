import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandNamesOf, rulesOf } from './profile-rules.ts';

test('a profile says which commands there are, and a device without one may be told anything', () => {
  const names = commandNamesOf('camera');
  assert.ok(names.includes('counting.set'), names.join());
  for (const name of names) assert.ok(rulesOf('camera', name));
  assert.equal(rulesOf('camera', 'fly'), null);
  assert.equal(rulesOf('camera', 'constructor'), null);
  assert.deepEqual([rulesOf(null, 'fly'), commandNamesOf(null)], [undefined, []]);
});
