import { ERROR_CODES } from '@muster/contract';
import { page, table } from './markdown.ts';

export function errorsPage(): string {
  const rows = Object.entries(ERROR_CODES).map(([code, { status, retryable, meaning }]) => [
    `\`${code}\``,
    String(status),
    retryable ? 'yes' : 'no',
    meaning,
  ]);
  return page(
    '# Error codes',
    'Every error that Muster gives has one of these codes. An HTTP answer holds it as `error.code` beside a sentence in ' +
      '`error.message` and a `requestId` that the log of the server has too. "Retry" says whether the same request may ' +
      'succeed later without a change. A code is never renamed.',
    table(['code', 'HTTP', 'retry', 'meaning'], rows),
  );
}
