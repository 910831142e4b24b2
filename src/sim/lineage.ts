/**
 * What a disk holds, as the history of writes that led to it. Histories form a tree: a write that
 * is added where another disk has gone on differently begins a branch. So "this copy lacks an
 * acknowledged write" and "these copies diverge" are computed, not guessed.
 */
interface Branch {
  readonly name: number;
  /** Null for the first branch: it grew out of the empty disk. */
  readonly origin: Content | null;
  /** The longest that any disk has taken it to. */
  length: number;
}

/** The content of a disk: a branch up to a length. Immutable. */
export interface Content {
  readonly branch: Branch;
  readonly length: number;
}

/** All histories of one resource. */
export class Lineage {
  #branches = 0;

  /** A disk on which nothing was written. */
  empty(): Content {
    return { branch: this.#branch(null, 0), length: 0 };
  }

  /** The content after one more write. */
  write(content: Content): Content {
    const { branch, length } = content;
    if (branch.length !== length) return { branch: this.#branch(content, 1), length: 1 };
    branch.length += 1;
    return { branch, length: length + 1 };
  }

  #branch(origin: Content | null, length: number): Branch {
    this.#branches += 1;
    return { name: this.#branches, origin, length };
  }
}

/** True when every write in `part` is in `whole`. */
export function contains(whole: Content, part: Content): boolean {
  let at: Content | null = whole;
  while (at !== null) {
    if (at.branch === part.branch) return at.length >= part.length;
    at = at.branch.origin;
  }
  return part.length === 0 && part.branch.origin === null;
}

/** How two contents relate. */
export type Relation = 'same' | 'newer' | 'older' | 'diverged';

/** How `a` stands to `b`. */
export function relate(a: Content, b: Content): Relation {
  const over = contains(a, b);
  const under = contains(b, a);
  if (over) return under ? 'same' : 'newer';
  return under ? 'older' : 'diverged';
}

/** For logs: `3:120` is branch 3 after 120 writes. */
export function describe(content: Content): string {
  return `${String(content.branch.name)}:${String(content.length)}`;
}
