/** What every medium is to the daemon: bytes out to all peers, bytes in from any. */
export interface Transport {
  /** As in status: `bcast vec0`, `serial /dev/ttyS1`. */
  readonly name: string;
  /** How frames are written on this medium. */
  readonly framing: 'datagram' | 'serial';
  /**
   * Hands over one frame. Never blocks, never throws: a frame that cannot go now is dropped, or
   * replaced by the next one on a slow line; the next keepalive carries the truth again.
   */
  send(bytes: Uint8Array): void;
  close(): Promise<void>;
}

/** What a transport tells its owner. */
export interface TransportEvents {
  /** One frame, or a candidate for one, as it came. */
  readonly onFrame: (link: string, bytes: Uint8Array) => void;
  /** Bytes that belong to no frame (serial noise). */
  readonly onNoise: (link: string, count: number) => void;
  /** The medium works not, or works again (`null`). Said once per change. */
  readonly onTrouble: (link: string, trouble: string | null) => void;
  /** The link leads to this node itself: nothing is sent on it. Said once. */
  readonly onSelf: (link: string) => void;
}
