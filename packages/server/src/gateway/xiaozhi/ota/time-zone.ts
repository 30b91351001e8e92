const OFFSET = /^GMT(?:([+-])(\d{2}):(\d{2}))?/;

/**
 * Minutes between UTC and the wall clock of an IANA time zone at `at` (epoch ms); 0 when the zone is not known. Devices
 * add it to the time they are given.
 */
export function zoneOffsetMinutes(timeZone: string | null, at: number): number {
  if (timeZone === null) return 0;
  const name = offsetName(timeZone, at);
  const [, sign, hours, minutes] = OFFSET.exec(name) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

function offsetName(timeZone: string, at: number): string {
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
    return format.formatToParts(at).find((part) => part.type === 'timeZoneName')?.value ?? '';
  } catch {
    // A RangeError: no such zone.
    return '';
  }
}
