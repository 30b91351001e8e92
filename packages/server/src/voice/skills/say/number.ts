const EXACT_LIMIT = 1e15;

/** A number to be spoken: at most `decimals` decimals, no exponent, "minus" for the sign. */
export function numberOf(value: number, decimals = 4): string {
  const size = Math.abs(value);
  if (size >= EXACT_LIMIT) {
    const exponent = Math.floor(Math.log10(size));
    return `${signOf(value)}${(size / 10 ** exponent).toFixed(2)} times 10 to the power of ${exponent}`;
  }
  // Small numbers keep three digits that say something.
  const places = size > 0 && size < 0.01 ? Math.min(12, 2 - Math.floor(Math.log10(size))) : decimals;
  return signOf(value) + size.toLocaleString('en-US', { maximumFractionDigits: places });
}

/** Whether {@link numberOf} leaves something off that is more than the noise of floating point. */
export function isRounded(value: number, decimals = 4): boolean {
  const size = Math.abs(value);
  if (size >= EXACT_LIMIT) return true;
  if (size > 0 && size < 0.01) return Math.abs(Number(size.toPrecision(3)) - size) > size * 1e-9;
  return Math.abs(Number(size.toFixed(decimals)) - size) > Math.max(size, 1) * 1e-9;
}

function signOf(value: number): string {
  return value < 0 ? 'minus ' : '';
}
