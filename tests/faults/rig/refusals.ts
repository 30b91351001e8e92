import { ERROR_CODES, isErrorCode } from '@muster/contract';

/** Codes of the table, and reasons of MQTT 5: unspecified, server busy and quota exceeded leave room for another try. */
export function isRetryable(code: string): boolean {
  if (isErrorCode(code)) return ERROR_CODES[code].retryable;
  return ['0x80', '0x89', '0x97'].includes(code);
}
