/** Takes out what was put in first until no more than `most` are left: memory for strangers is bounded. */
export function forgetOldest<K>(known: Map<K, unknown>, most: number): void {
  for (const key of known.keys()) {
    if (known.size <= most) return;
    known.delete(key);
  }
}
