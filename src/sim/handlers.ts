/**
 * DRBD's fence-peer handlers on one machine: programs that the kernel calls, and that ask the daemon.
 * They outlive the daemon, and ask the next one.
 */
import type { OperatorAnswer, OperatorRequest } from '../base/control.js';

/** A program starts, and looks for its answer this often. */
const HANDLER_MS = 30;
/** It looks for a daemon this often, and this many times, before it gives up. */
const HANDLER_RETRY_MS = 1_000;
const HANDLER_RETRIES = 5;
/** As the handler's default (`tandem drbd fence-peer`). */
const HANDLER_WAIT_MS = 540_000;

/** Exit codes of DRBD's fence-peer handlers (drbd_nl.c, conn_try_outdate_peer). */
const EXIT_OF_FATE = { inconsistent: 3, outdated: 4, down: 5, primary: 6, fenced: 7 } as const;
const EXIT_NOT_KNOWN = 1;

/** What handlers need of their machine. */
export interface HandlerHost {
  /** Runs later, unless the power goes first. */
  readonly later: (delayMs: number, run: () => void) => void;
  /** Asks the daemon; false: there is none. */
  readonly ask: (requestId: string, request: OperatorRequest) => boolean;
  /** The kernel is told an exit code, and goes by it. */
  readonly ended: (resource: string, exit: number) => void;
}

/** A call by the kernel. */
export interface HandlerCall {
  readonly resource: string;
  readonly answer: (exit: number) => void;
  /** True once the kernel does not go by the answer any more: the connection has come meanwhile. */
  readonly isVoid: () => boolean;
}

export class Handlers {
  readonly #host: HandlerHost;
  #waiting = new Map<string, HandlerCall>();
  #count = 0;
  #isBroken = false;

  constructor(host: HandlerHost) {
    this.#host = host;
  }

  /** A program that cannot be run finds out nothing, and the kernel goes by that. */
  setBroken(isBroken: boolean): void {
    this.#isBroken = isBroken;
  }

  /** The kernel calls one. */
  call(call: HandlerCall, retries = HANDLER_RETRIES): void {
    const { resource, answer } = call;
    this.#host.later(HANDLER_MS, () => {
      if (this.#isBroken) {
        answer(EXIT_NOT_KNOWN);
        return;
      }
      const requestId = `handler-${String(this.#count + 1)}`;
      const request = { kind: 'fencePeer', resource, peer: null, waitMs: HANDLER_WAIT_MS } as const;
      this.#waiting.set(requestId, call);
      if (this.#host.ask(requestId, request)) {
        this.#count += 1;
        return;
      }
      this.#waiting.delete(requestId);
      if (retries === 0) answer(EXIT_NOT_KNOWN);
      else this.#host.later(HANDLER_RETRY_MS, () => this.call(call, retries - 1));
    });
  }

  /** The daemon answers a request; false when it is of nobody here. */
  takeAnswer({ id, state, peerFate }: OperatorAnswer): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return false;
    if (state === 'accepted') return true;
    this.#waiting.delete(id);
    const exit = peerFate === undefined ? EXIT_NOT_KNOWN : EXIT_OF_FATE[peerFate];
    if (!waiting.isVoid()) this.#host.ended(waiting.resource, exit);
    this.#host.later(HANDLER_MS, () => waiting.answer(exit));
    return true;
  }

  /** The daemon has ended. */
  askAgain(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const call of waiting) this.call(call);
  }

  /** The power is gone. */
  lose(): void {
    this.#waiting.clear();
  }
}
