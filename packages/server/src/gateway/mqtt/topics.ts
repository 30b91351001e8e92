import { isUtf8 } from 'node:buffer';

/** Longest topic or filter, bytes. */
const LONGEST = 1_024;
/** Most levels: a filter is matched level by level. */
const MOST_LEVELS = 32;

/** The text of a topic from a wire; null for what MQTT 3.1.1, section 4.7, does not allow. */
export function readTopic(bytes: Buffer): string | null {
  if (bytes.length === 0 || bytes.length > LONGEST || !isUtf8(bytes)) return null;
  const topic = bytes.toString('utf8');
  return isTopic(topic) ? topic : null;
}

/** A topic that a message may be published to: no wildcard, no control character. */
export function isTopic(topic: string): boolean {
  return topic !== '' && topic.length <= LONGEST && !UNFIT.test(topic) && levelsOf(topic) <= MOST_LEVELS;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what may not be in a topic
const UNFIT = /[+#\u0000-\u001f\u007f-\u009f\ufffe\uffff]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what may not be in a filter
const UNFIT_FILTER = /[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/;

/** A topic filter: `+` stands for one whole level, `#` for the rest, at the end only. */
export function isFilter(filter: string): boolean {
  if (filter === '' || filter.length > LONGEST || UNFIT_FILTER.test(filter)) return false;
  const levels = filter.split('/');
  if (levels.length > MOST_LEVELS) return false;
  return levels.every((level, index) => {
    if (level === '#') return index === levels.length - 1;
    return level === '+' || !/[+#]/.test(level);
  });
}

/** Whether a topic is among those of a filter. */
export function matches(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  const wanted = filter.split('/');
  const found = topic.split('/');
  for (let at = 0; at < wanted.length; at++) {
    const level = wanted[at];
    if (level === '#') return true;
    if (at >= found.length || (level !== '+' && level !== found[at])) return false;
  }
  return wanted.length === found.length;
}

/** Whether every topic of `inner` is one of `outer` too. */
export function covers(outer: string, inner: string): boolean {
  const wide = outer.split('/');
  const narrow = inner.split('/');
  for (let at = 0; at < wide.length; at++) {
    const level = wide[at];
    if (level === '#') return true;
    const other = narrow[at];
    if (other === undefined || other === '#') return false;
    if (level !== '+' && level !== other) return false;
  }
  return wide.length === narrow.length;
}

const ME = 'devices/me/';
const DEVICES = 'devices/';
export const THINGSBOARD = 'v1/devices/me/';

/**
 * Topic or filter of a device below the prefix that names it. `devices/me/…` and `devices/{deviceId}/…` are the same;
 * ThingsBoard's keep their prefix. Null when it is not the device's own: also `devices/+/…` and `#`, which would reach
 * beyond it.
 */
export function ownTopic(topic: string, deviceId: string): { readonly prefix: string; readonly rest: string } | null {
  if (topic.startsWith(ME)) return within(ME, topic);
  if (topic.startsWith(THINGSBOARD)) return { prefix: '', rest: topic };
  if (!topic.startsWith(DEVICES) || !topic.startsWith(deviceId, DEVICES.length)) return null;
  const prefix = `${DEVICES}${deviceId}/`;
  return topic.startsWith(prefix) ? within(prefix, topic) : null;
}

function within(prefix: string, topic: string): { prefix: string; rest: string } | null {
  return topic.length === prefix.length ? null : { prefix, rest: topic.slice(prefix.length) };
}

/** `devices/{deviceId}/rest` as an operator writes it; null for anything else. */
export function deviceTopic(topic: string): { readonly deviceId: string; readonly rest: string } | null {
  const found = /^devices\/([^/+#]+)\/(.+)$/s.exec(topic);
  return found?.[1] === undefined || found[2] === undefined ? null : { deviceId: found[1], rest: found[2] };
}

function levelsOf(topic: string): number {
  let levels = 1;
  for (let at = topic.indexOf('/'); at >= 0; at = topic.indexOf('/', at + 1)) levels += 1;
  return levels;
}
