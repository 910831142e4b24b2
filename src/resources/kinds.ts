import { DRBD } from './drbd-resource.js';
import { FILESYSTEM } from './filesystem.js';
import { IP } from './ip.js';
import { MYSQL } from './mysql.js';
import type { ResourceKindLogic } from './plan.js';
import { SCRIPT } from './script.js';
import type { ResourceKind, ResourceSpec } from './spec.js';

/** Every kind's logic. A kind of the specification that is missing here does not compile. */
export const KINDS = {
  drbd: DRBD,
  filesystem: FILESYSTEM,
  ip: IP,
  mysql: MYSQL,
  script: SCRIPT,
} as const satisfies {
  readonly [Kind in ResourceKind]: ResourceKindLogic<Extract<ResourceSpec, { kind: Kind }>>;
};

/**
 * The logic of a resource's own kind. Give it that resource only, and facts only that it made
 * itself: the types of the single kinds are forgotten here, so that callers need no switch.
 */
export function kindOf(spec: ResourceSpec): ResourceKindLogic<ResourceSpec> {
  return KINDS[spec.kind];
}
