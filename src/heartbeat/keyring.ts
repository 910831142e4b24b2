/** How a frame is signed. crc protects against noise only: anybody can forge it. */
export type AuthMethod = 'crc' | 'md5' | 'sha1' | 'sha256';

/** One line of authkeys. */
export interface AuthKey {
  /** 0 to 15: the index that travels with the signature. */
  readonly index: number;
  readonly method: AuthMethod;
  /** Empty for crc. Never logged. */
  readonly key: string;
}

/** The keys of a cluster: one signs, each of them verifies, so that keys can be rolled. */
export interface Keyring {
  readonly signing: AuthKey;
  readonly accepted: readonly AuthKey[];
}
