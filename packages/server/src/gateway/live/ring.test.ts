import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRing } from './ring.ts';

const frame = (seq: number, bytes = 10): Buffer => Buffer.alloc(bytes, seq);

test('what came after a number is given whole, or not at all', () => {
  const ring = createRing({ left: 1_000_000 }, 8);
  assert.deepEqual(ring.after(7), []);
  for (let seq = 8; seq <= 10; seq++) ring.add(frame(seq));
  assert.deepEqual(ring.after(8), [frame(9), frame(10)]);
  assert.deepEqual(ring.after(10), []);
  assert.equal(ring.after(6), null);
  assert.equal(ring.after(11), null);
});

test('a ring holds the newest, by their number and by their bytes', () => {
  const many = createRing({ left: 1_000_000 }, 1);
  for (let seq = 1; seq <= 300; seq++) many.add(frame(seq));
  assert.equal(many.after(43), null);
  assert.equal(many.after(44)?.length, 256);
  const large = createRing({ left: 1_000_000 }, 1);
  for (let seq = 1; seq <= 10; seq++) large.add(frame(seq, 30_000));
  assert.equal(large.after(5), null);
  assert.equal(large.after(6)?.length, 4);
});

test('all rings together keep to their budget: the one that goes past it forgets, and numbers go on', () => {
  const budget = { left: 100 };
  const [one, two] = [createRing(budget, 1), createRing(budget, 1)];
  one.add(frame(1, 60));
  two.add(frame(1, 30));
  two.add(frame(2, 30));
  assert.equal(budget.left, 40);
  assert.equal(two.after(1), null);
  assert.deepEqual(two.after(2), []);
  assert.equal(one.after(0)?.length, 1);
  one.clear();
  assert.equal(budget.left, 100);
});
