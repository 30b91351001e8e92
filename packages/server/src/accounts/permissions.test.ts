import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Action, type Actor, judge, PERMISSIONS } from './permissions.ts';

const here = 'site-here';
const elsewhere = 'site-elsewhere';
const actor = (role: 'owner' | 'viewer' | null, administrator = false): Actor => ({
  userId: 'u',
  administrator,
  roles: new Map(role === null ? [] : [[here, role]]),
});
const siteActions = (Object.keys(PERMISSIONS) as Action[]).filter((action) => Array.isArray(PERMISSIONS[action]));

test('without a session only what anyone may do is allowed', () => {
  for (const action of Object.keys(PERMISSIONS) as Action[]) {
    assert.equal(judge(null, action, here), PERMISSIONS[action] === 'anyone' ? 'allowed' : 'signIn', action);
  }
});

test("another site's things are hidden, not forbidden", () => {
  for (const action of siteActions) assert.equal(judge(actor('owner'), action, elsewhere), 'hidden', action);
});

test('an owner may do everything at the own site, a viewer only look', () => {
  for (const action of siteActions) {
    assert.equal(judge(actor('owner'), action, here), 'allowed', action);
    assert.equal(judge(actor('viewer'), action, here), action.endsWith('.read') ? 'allowed' : 'forbidden', action);
  }
});

test('an administrator may do everything; a member may not act for the server', () => {
  for (const action of Object.keys(PERMISSIONS) as Action[]) {
    assert.equal(judge(actor(null, true), action, elsewhere), 'allowed', action);
  }
  assert.equal(judge(actor('owner'), 'site.create', null), 'forbidden');
});
