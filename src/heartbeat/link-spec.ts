/** A path to the peer, as configured. */
export type LinkSpec =
  | { readonly kind: 'bcast'; readonly device: string }
  | { readonly kind: 'ucast'; readonly device: string; readonly address: string }
  | {
      readonly kind: 'mcast';
      readonly device: string;
      readonly group: string;
      readonly port: number;
      readonly ttl: number;
      readonly loop: boolean;
    }
  | { readonly kind: 'serial'; readonly path: string; readonly baud: number };

/** The name of a link in status and logs: `bcast vec0`, `serial /dev/ttyS1`. */
export function linkName(link: LinkSpec): string {
  switch (link.kind) {
    case 'bcast':
      return `bcast ${link.device}`;
    case 'ucast':
      return `ucast ${link.device} ${link.address}`;
    case 'mcast':
      return `mcast ${link.device} ${link.group}`;
    case 'serial':
      return `serial ${link.path}`;
  }
}
