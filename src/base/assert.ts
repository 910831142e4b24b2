/** A broken invariant: a defect of the program, never of its input. The daemon ends on it. */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

/** States an invariant. Throws AssertionFailure when it does not hold, also in production. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new AssertionFailure(`Invariant broken: ${invariant}`);
}

/** Closes a switch over a union: a missing case does not compile. */
export function assertNever(value: never): never {
  throw new AssertionFailure(`Unexpected variant: ${JSON.stringify(value)}`);
}
