import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROLES, type Role } from '@muster/contract';
import { type Action, type Actor, judge, PERMISSIONS, type Person, PROOF_MS, permissionOf } from './permissions.ts';

const here = 'site-here';
const elsewhere = 'site-elsewhere';
const NOW = 1_800_000_000_000;
const person = (role: Role | null, also: Partial<Person> = {}): Person => ({
  kind: 'user',
  userId: 'u',
  administrator: false,
  support: false,
  roles: new Map(role === null ? [] : [[here, role]]),
  provedAt: NOW,
  lacksFactor: false,
  ...also,
});
const ask = (actor: Actor | null, action: Action, siteId: string | null) => judge(actor, action, siteId, NOW);
const actions = Object.keys(PERMISSIONS) as Action[];
const ofSites = actions.filter((action) => Array.isArray(permissionOf(action).who));

test('without a session only what anyone may do is allowed', () => {
  for (const action of actions) {
    assert.equal(ask(null, action, here), permissionOf(action).who === 'anyone' ? 'allowed' : 'signIn', action);
  }
});

test("another site's things are hidden, not forbidden", () => {
  for (const action of ofSites) for (const role of ROLES) assert.equal(ask(person(role), action, elsewhere), 'hidden');
});

test('a role may do at its site what the table says, and nothing else', () => {
  for (const action of ofSites) {
    const { who } = permissionOf(action);
    for (const role of ROLES) {
      assert.equal(ask(person(role), action, here), who.includes(role) ? 'allowed' : 'forbidden', `${role} ${action}`);
    }
  }
});

test('a viewer changes nothing but that a machine stops', () => {
  const may = ofSites.filter((action) => ask(person('viewer'), action, here) === 'allowed');
  assert.deepEqual(
    may.filter((action) => !action.endsWith('.read')),
    ['machine.stop'],
  );
});

test('an administrator may do everything; a member may not act for the server', () => {
  for (const action of actions) {
    assert.equal(ask(person(null, { administrator: true }), action, elsewhere), 'allowed', action);
  }
  assert.equal(ask(person('owner'), 'site.create', null), 'forbidden');
});

test('support sees devices of every site, never words or children, and changes nothing but that a machine stops', () => {
  const support = person(null, { support: true });
  const may = ofSites.filter((action) => ask(support, action, here) === 'allowed');
  assert.ok(may.includes('device.read'));
  assert.ok(!may.includes('turn.read') && !may.includes('assistant.read') && !may.includes('telemetry.export'));
  assert.deepEqual(
    may.filter((action) => !action.endsWith('.read')),
    ['machine.stop'],
  );
});

test('a key may do what it was made for at its own site', () => {
  const key: Actor = { kind: 'key', keyId: 'k', siteId: here, actions: new Set(['device.read', 'member.change']) };
  assert.equal(ask(key, 'device.read', here), 'allowed');
  assert.equal(ask(key, 'device.change', here), 'forbidden');
  assert.equal(ask(key, 'device.read', elsewhere), 'hidden');
  assert.equal(ask(key, 'member.change', here), 'forbidden', 'no key can be made for it, whatever its row says');
});

test('what needs a proof needs a fresh one', () => {
  const old = person('owner', { provedAt: NOW - PROOF_MS - 1 });
  assert.equal(ask(old, 'telemetry.export', here), 'stepUp');
  assert.equal(ask(old, 'telemetry.read', here), 'allowed');
  assert.equal(ask(person('viewer', { provedAt: 0 }), 'telemetry.export', here), 'forbidden');
  assert.equal(ask(person('owner', { provedAt: NOW - PROOF_MS }), 'telemetry.export', here), 'allowed');
});

test('who must have a second factor and has none can only set one up', () => {
  const bare = person('owner', { administrator: true, lacksFactor: true });
  assert.equal(ask(bare, 'site.read', here), 'factor');
  assert.equal(ask(bare, 'user.read', null), 'factor');
  assert.equal(ask(bare, 'account.factor', null), 'allowed');
  assert.equal(ask(bare, 'server.look', null), 'allowed');
});
