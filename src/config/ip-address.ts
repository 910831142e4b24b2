/** Addresses as text, checked by form only; nothing here is looked up. */

/** True for a dotted quad without leading zeros (`010` would be octal to some programs). */
export function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => isDecimal(part, 0, 255));
}

/** True for an IPv6 address (RFC 4291 2.2), optionally with a `%scope`. */
export function isIpv6(text: string): boolean {
  const percent = text.indexOf('%');
  const address = percent < 0 ? text : text.slice(0, percent);
  if (percent >= 0 && !/^[\w.-]{1,15}$/.test(text.slice(percent + 1))) return false;
  const halves = address.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1) ?? '';
  const quad = last.includes('.');
  if (quad && !isIpv4(last)) return false;
  const hex = quad ? groups.slice(0, -1) : groups;
  if (!hex.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false;
  const count = hex.length + (quad ? 2 : 0);
  return halves.length === 2 ? count < 8 : count === 8;
}

/** True for a name that a resolver could know (RFC 1123 2.1, and the underscore people use). */
export function isHostName(text: string): boolean {
  if (text.length > 253 || /^[\d.]+$/.test(text)) return false;
  return text.split('.').every((label) => /^[a-z0-9_]([\w-]{0,61}[a-z0-9_])?$/i.test(label));
}

/** The prefix length of `24` or `255.255.255.0`; undefined when it is neither. */
export function prefixLengthOf(mask: string): number | undefined {
  if (isDecimal(mask, 1, 32)) return Number(mask);
  if (!isIpv4(mask)) return undefined;
  const bits = mask.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const hostBits = Math.log2(2 ** 32 - bits);
  return Number.isInteger(hostBits) && hostBits < 32 ? 32 - hostBits : undefined;
}

/** True for a whole number in plain decimal notation within the bounds. */
export function isDecimal(text: string, min: number, max: number): boolean {
  return /^(0|[1-9]\d{0,9})$/.test(text) && Number(text) >= min && Number(text) <= max;
}
