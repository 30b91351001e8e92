import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressOf, isPublic } from './address-guard.ts';

describe('the address guard', () => {
  it('knows what is not the public internet, however it is written', () => {
    const closed = [
      '127.0.0.1',
      '127.9.9.9',
      '10.1.2.3',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '169.254.169.254',
      '0.0.0.0',
      '100.64.0.1',
      '198.18.0.1',
      '224.0.0.1',
      '255.255.255.255',
      '192.0.2.1',
      '::',
      '::1',
      'fe80::1',
      'fc00::1',
      'fd12::1',
      'ff02::1',
      '::ffff:127.0.0.1',
      '::ffff:8.8.8.8',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
      '2001:db8::1',
      '2001::1',
      'not an address',
      '',
    ];
    for (const address of closed) assert.equal(isPublic(address), false, address);
    for (const address of ['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700::1111', '2a00:1450::1']) {
      assert.equal(isPublic(address), true, address);
    }
  });

  it('refuses names and numbers that lead home', async () => {
    for (const host of ['localhost', '127.0.0.1', '[::1]', '2130706433', '0x7f.1', '0177.0.0.1']) {
      const { hostname } = new URL(`http://${host}/`);
      await assert.rejects(addressOf(hostname, false), { code: 'NOTIFIER_FAILED' }, host);
    }
    assert.deepEqual(await addressOf('127.0.0.1', true), { address: '127.0.0.1', family: 4 });
    await assert.rejects(addressOf('no-such-host.invalid', true), { code: 'NOTIFIER_FAILED' });
  });
});
