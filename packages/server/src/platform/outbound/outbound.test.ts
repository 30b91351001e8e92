import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { MusterError } from '@muster/contract';
import { isPublic } from './addresses.ts';
import { createOutbound, readAllowed } from './index.ts';

describe('requests to addresses that people type', () => {
  /** Somebody who listens at home. */
  const server = createServer((request, response) => {
    asked += 1;
    if (request.url === '/away') response.writeHead(302, { location: '/' });
    response.end();
  });
  let port = 0;
  let asked = 0;
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  beforeEach(() => {
    asked = 0;
  });
  after(() => server.close());

  function ask(
    url: string,
    options: {
      readonly allow?: readonly string[];
      readonly lookUp?: () => Promise<{ address: string; family: number }[]>;
      readonly limitMs?: number;
    } = {},
  ) {
    const { allow = [], lookUp, limitMs = 5_000 } = options;
    const failed = (say: string, cause?: unknown) => new MusterError('NOTIFIER_FAILED', {}, { say, cause });
    const outbound = createOutbound({
      allowed: readAllowed(allow),
      failed,
      ...(lookUp === undefined ? {} : { lookUp }),
    });
    const request = { url, method: 'POST', headers: {}, body: '{}', guarded: true } as const;
    return outbound.request(request, AbortSignal.timeout(limitMs));
  }

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
    const home = [
      'localhost',
      '127.0.0.1',
      '[::1]',
      '2130706433',
      '0x7f.1',
      '0177.0.0.1',
      '127.1',
      '[::ffff:127.0.0.1]',
    ];
    for (const host of home) {
      await assert.rejects(
        ask(`http://${host}:${port}/`),
        { code: 'NOTIFIER_FAILED', message: /public internet/ },
        host,
      );
    }
    await assert.rejects(ask('http://no-such-host.invalid/'), { code: 'NOTIFIER_FAILED', message: /no address/ });
    assert.equal(asked, 0, 'nothing was reached');
  });

  it('speaks to no other scheme, and takes no user or password in an address', async () => {
    for (const url of [
      'file:///etc/passwd',
      'ftp://127.0.0.1/',
      'gopher://127.0.0.1/',
      'javascript:1',
      'nonsense',
      '',
    ]) {
      await assert.rejects(ask(url, { allow: ['127.0.0.1'] }), { code: 'NOTIFIER_FAILED' }, url);
    }
    for (const who of ['user@', 'user:secret@', ':secret@', 'hooks.example.com@']) {
      await assert.rejects(ask(`http://${who}127.0.0.1:${port}/`, { allow: ['127.0.0.1'] }), { message: /user/ }, who);
    }
    assert.equal(asked, 0);
  });

  it('connects to the address that was checked, whatever the name says a moment later', async () => {
    let lookUps = 0;
    const rebinding = async () => {
      lookUps += 1;
      return [{ address: lookUps === 1 ? '192.88.98.1' : '127.0.0.1', family: 4 }];
    };
    // the first answer is public and nobody's; a second look-up would lead home, where somebody listens
    const options = { lookUp: rebinding, limitMs: 300 };
    await assert.rejects(ask(`http://hooks.example.com:${port}/`, options), { code: 'NOTIFIER_FAILED' });
    assert.equal(lookUps, 1);
    assert.equal(asked, 0);
    // a name with one private address among public ones
    const both = async () => [
      { address: '8.8.8.8', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    await assert.rejects(ask(`http://hooks.example.com:${port}/`, { lookUp: both }), { message: /public internet/ });
    assert.equal(asked, 0);
  });

  it('reaches what the operator allows, by its name, its address or its network, and nothing else', async () => {
    const home = async () => [{ address: '127.0.0.1', family: 4 }];
    for (const entry of ['127.0.0.1', '127.0.0.0/8', 'Hooks.plant.example', '0.0.0.0/1']) {
      const { status } = await ask(`http://hooks.plant.example:${port}/`, { lookUp: home, allow: [entry] });
      assert.equal(status, 200, entry);
    }
    for (const entry of ['127.0.0.2', '10.0.0.0/8', 'other.plant.example', 'plant.example', '::1']) {
      const refused = ask(`http://hooks.plant.example:${port}/`, { lookUp: home, allow: [entry] });
      await assert.rejects(refused, { message: /alerts.allowedAddresses/ }, entry);
    }
    for (const entry of [
      '',
      '10.0.0.0/0',
      '10.0.0.0/33',
      '10.0.0.0/x',
      'a b',
      'http://x.example',
      '*.example',
      '::/129',
    ]) {
      assert.throws(() => readAllowed([entry]), { code: 'CONFIG_INVALID' }, entry);
    }
  });

  it('follows no redirect, which could lead home', async () => {
    const { status, text } = await ask(`http://127.0.0.1:${port}/away`, { allow: ['127.0.0.1'] });
    assert.deepEqual([status, text, asked], [302, '', 1]);
  });
});
