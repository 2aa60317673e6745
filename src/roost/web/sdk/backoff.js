/** How long to wait before the next attempt: exponential back-off with full jitter. */

const BASE = 500;
const CAP = 30_000;

/**
 * Milliseconds before attempt number `attempt` (0 is the first after a loss): uniform between 0 and a bound that
 * doubles, so that clients which lost their server at one moment come back spread out.
 *
 * @param {number} attempt
 * @param {number} [atLeast] what the server asked for (ms); it is kept to, and spread out as well
 */
export function delay(attempt, atLeast = 0) {
  return atLeast + Math.random() * Math.min(CAP, BASE * 2 ** Math.min(attempt, 10));
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} [signal] ends the wait early, without an error
 * @returns {Promise<void>}
 */
export function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    if (signal?.aborted) done();
    else signal?.addEventListener("abort", done);
  });
}
