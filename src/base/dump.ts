/**
 * The core's whole state as the control socket answers it at /v1/dump and as `tandem simulate
 * --save` keeps it: `tandem.dump/1`. For the same release to read again; keys and the parameters
 * of power devices are left out.
 */
export interface StateDump {
  readonly schema: 'tandem.dump/1';
  /** RFC 3339. */
  readonly savedAt: string;
  /** The node's monotonic clock at that moment: times in the state are on this scale. */
  readonly nowMs: number;
  /** Names of the heartbeat links. */
  readonly links: readonly string[];
  /** `State` of src/failover, as JSON. */
  readonly state: unknown;
}

/** Names under which the configuration keeps secrets, at any depth. */
const SECRET_KEYS: readonly string[] = ['keyring', 'params', 'paramFiles'];

/** A copy as JSON can carry it, without anything that is kept under a secret name. */
export function withoutSecrets(value: unknown): unknown {
  const text = JSON.stringify(value, (key, part: unknown) =>
    SECRET_KEYS.includes(key) ? undefined : part,
  );
  return JSON.parse(text);
}
