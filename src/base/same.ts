/** True when both are the same plain data. What is one and the same object is not looked into. */
export function isSameData(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && haveSameItems(a, b);
  return !Array.isArray(b) && haveSameEntries(a, b, null);
}

function haveSameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, at) => isSameData(item, b[at]));
}

/** True when both have the same entries, but for one that may differ. */
export function haveSameEntries<T extends object>(
  a: T,
  b: T,
  except: keyof T | null,
): boolean {
  if (Object.keys(a).length !== Object.keys(b).length) return false;
  for (const key in a) {
    if (key === except) continue;
    const one = a[key];
    const other = b[key];
    if (one !== other && !isSameData(one, other)) return false;
    if (other === undefined && !(key in b)) return false;
  }
  return true;
}
