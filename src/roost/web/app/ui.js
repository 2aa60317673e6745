/** What every component is made of. */

import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";
import * as signals from "../vendor/signals.js";

export { render } from "../vendor/preact.js";
export { useEffect, useLayoutEffect, useRef, useState } from "../vendor/hooks.js";

/**
 * @template T
 * @typedef {{value: T}} Signal
 */

/** A piece of the page. @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(h);
/** @type {<T>(value: T) => Signal<T>} */
export const signal = signals.signal;
/** @type {<T>(compute: () => T) => {readonly value: T}} */
export const computed = signals.computed;
/** @type {(run: () => void) => void} */
export const effect = signals.effect;
/** @type {(run: () => void) => void} */
export const batch = signals.batch;
