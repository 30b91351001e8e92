import { MusterError } from '@muster/contract';

/** ThingsBoard's access tokens have 20 letters and digits: 119 bits when they were drawn. */
const SHORTEST = 20;
/** 20 signs drawn out of 62 have fewer different ones once in a thousand million times. */
const LEAST_DIFFERENT = 10;

/**
 * A token that a person brings for the device `name`, checked for what can be seen of a secret. TOKEN_WEAK: too short, too few different
 * signs, or signs that follow each other as in an alphabet. Only its plain hash is stored, so it must not be guessable.
 */
export function checkToken(token: string, name: string): void {
  const weak = token.length < SHORTEST || new Set(token).size < LEAST_DIFFERENT || isRegular(token);
  if (!weak) return;
  const say = `The token of "${name}" is too short or too regular: it needs ${SHORTEST} drawn characters or more.`;
  throw new MusterError('TOKEN_WEAK', { characters: token.length }, { say });
}

/** Most of it goes up or down by the same step: 0123456789, abcdef. */
function isRegular(token: string): boolean {
  const steps = new Map<number, number>();
  for (let at = 1; at < token.length; at++) {
    const step = token.charCodeAt(at) - token.charCodeAt(at - 1);
    steps.set(step, (steps.get(step) ?? 0) + 1);
  }
  return Math.max(...steps.values()) > token.length / 2;
}
