/** What every component is made of. */

import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";
import * as hooks from "../vendor/hooks.js";
import * as signals from "../vendor/signals.js";

export { render } from "../vendor/preact.js";

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

/** @type {<T>(initial: T) => [T, (next: T) => void]} */
export const useState = hooks.useState;
/** @type {<T>(initial: T) => {current: T}} */
export const useRef = hooks.useRef;
/** @type {(run: () => void | (() => void), inputs?: unknown[]) => void} */
export const useEffect = hooks.useEffect;
/** @type {(run: () => void | (() => void), inputs?: unknown[]) => void} */
export const useLayoutEffect = hooks.useLayoutEffect;
