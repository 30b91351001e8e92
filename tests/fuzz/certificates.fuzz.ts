import { bug, MusterError } from '@muster/contract';
import { isIssuedBy, readCertificate, readPem } from '../../packages/server/src/devices/x509/certificate.ts';
import { createCertificateReader } from '../../packages/server/src/platform/tls/proxy-header.ts';
import { defineFuzz } from './define.ts';
import { mutate } from './inputs/mutate.ts';

/** An authority, and two that it signed: P-256 with purposes, and Ed25519 without any extension. */
const AUTHORITY = Buffer.from(
  'MIIBZjCCAQ2gAwIBAgIUWdWPOXjYv3Cm9zWv555tyu/YjD4wCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEU2VlZDAgFw0yNjExMjcxMjE4NTdaGA' +
    '8yMTI2MTEwMzEyMTg1N1owDzENMAsGA1UEAwwEU2VlZDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCqd2hkwDU7qI1z1fUGhVuj9Gd/ZONfL' +
    'TZSBCL7gatk7poxjOupmfADvgLM1WtS9GTA5Dy25jNVdTv+JG/VD6hqjRTBDMBIGA1UdEwEB/wQIMAYBAf8CAQEwDgYDVR0PAQH/BAQDAgIEMB' +
    '0GA1UdDgQWBBTSlZPw4656KBFc712Je/q0pV2w4TAKBggqhkjOPQQDAgNHADBEAiAZyMGLJEnrUJH43ObroO5BM9OLT7iqasgr1QANnplO2gIg' +
    'c28UMZyfzJu4SkS8RhhNo9S+1Y70ORzcMab7gbMWAYo=',
  'base64',
);
const SIGNED = [
  'MIIBrTCCAVKgAwIBAgIUOXRbJYF2o/4P6vnIrPxdJpIQCBEwCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEU2VlZDAgFw0yNjExMjcxMjE4NTdaGA' +
    '8yMTI2MTEwMzEyMTg1N1owITENMAsGA1UECgwEU2hvcDEQMA4GA1UEAwwHcHVtcC0xNzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDhxdCKO' +
    'CXATWicwxXPvIPDdqGm5Xz/Q46lBYllGhlQR65gKM1LDWpQM3jtqK3eLOSZY1u8HCC4zGASY+bYLW7GjeDB2MA4GA1UdDwEB/wQEAwIHgDATBg' +
    'NVHSUEDDAKBggrBgEFBQcDAjAPBgNVHREECDAGggRwdW1wMB0GA1UdDgQWBBTBb1vxDr+7yNpjXS4UN8D/td1BeDAfBgNVHSMEGDAWgBTSlZPw' +
    '4656KBFc712Je/q0pV2w4TAKBggqhkjOPQQDAgNJADBGAiEA0KxzEMk87+dR9YRIALCFndGiiUC4xHP7BAMyFyijtOMCIQCXW1LixucvNc4vjr' +
    'cYooeNpUoyLO/IPFV3bn04NaSIwQ==',
  'MIHuMIGVAhRCTgT6SUhKoZUTjXg+KjXHQqN17zAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARTZWVkMCAXDTI2MTEyNzEyMTg1N1oYDzIxMjYxMT' +
    'AzMTIxODU3WjASMRAwDgYDVQQDDAdwdW1wLTE4MCowBQYDK2VwAyEAe8Cnt1prM5xwJ0UFY8azmQxE7DSA9Fg/ZtQj0vOtvNQwCgYIKoZIzj0E' +
    'AwIDSAAwRQIgbA/gGgolkZNdp1Oi/8Dw2x5bgSAOh0ifG4raPLkExwECIQD5PwV+ObDoXmRb4ljMqYsL4oI6XbDkHir0WumnAkK6Gg==',
].map((text) => Buffer.from(text, 'base64'));
const SEEDS = [...SIGNED, AUTHORITY];
/** Beginnings of DER: lengths, object ids of extensions, numbers, times. */
const PIECES = [
  '3082',
  '3080',
  '0000',
  '020100',
  '0101ff',
  '0603551d13',
  '0603551d0f',
  '0603551d25',
  '0603551d1e',
  '170d',
  '180f',
  '0500',
  'a3',
].map((text) => Buffer.from(text, 'hex'));
const authority = readCertificate(AUTHORITY);
const header = 'client-cert';
const headerOf = createCertificateReader({ header, addresses: ['127.0.0.1'] });

export const target = defineFuzz({
  name: 'certificates',
  summary: 'certificates of strangers as DER, PEM and header of a proxy; none that was changed counts as signed',
  make: (random) => mutate(random.pick(SEEDS), random, PIECES),
  open: () => ({
    take(input) {
      const socket = { remoteAddress: '127.0.0.1' } as Parameters<typeof headerOf>[0]['socket'];
      const text = input.toString('base64');
      const pem = `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
      const raw = input.toString('latin1');
      for (const value of [`:${text}:`, encodeURIComponent(pem), raw]) {
        if (refusalOf(() => headerOf({ socket, headers: { [header]: value } })) === 'CERTIFICATE_INVALID') {
          throw bug('a header was refused as an upload');
        }
      }
      refusalOf(() => readPem(raw, 5));
      const refusal = refusalOf(() => readPem(pem, 1));
      if (refusal !== refusalOf(() => readCertificate(input))) throw bug('PEM and DER are not the same');
      if (refusal !== null) return refusal;
      const read = readCertificate(input);
      if (isIssuedBy(read, authority) && !SIGNED.some((one) => one.equals(input))) {
        // the authority is signed by itself
        if (!input.equals(AUTHORITY)) throw bug('a certificate that was changed counts as signed');
      }
      return 'taken';
    },
  }),
});

/** The code of its refusal; null without one. */
function refusalOf(read: () => unknown): string | null {
  try {
    read();
    return null;
  } catch (error) {
    if (error instanceof MusterError) return error.code;
    throw error;
  }
}
