/**
 * What the charts show, out of the metrics: answers come every few seconds, each of one node, and what is shown is mostly
 * the difference of two answers of the same node.
 *
 * @typedef {{name: string, labels?: Record<string, string>, value: number}} Sample
 * @typedef {{node: string, time: number, samples: Sample[]}} Answer
 * @typedef {Map<string, number>} Totals a sum for each name, and for each name with `label=value`
 * @typedef {{time: number, value: number}} Point
 */

/** Milliseconds between answers, and answers kept of a node: ten minutes. */
export const EVERY = 2000;
const KEPT = 300;

export class Figures {
  /** @type {Map<string, {time: number, totals: Totals}[]>} */
  #nodes = new Map();

  /** @param {Answer} answer */
  take({ node, time, samples }) {
    const kept = this.#nodes.get(node) ?? [];
    kept.push({ time, totals: totalsOf(samples) });
    this.#nodes.set(node, kept.slice(-KEPT));
  }

  get nodes() {
    return [...this.#nodes.keys()];
  }

  /** A value as it is. @param {string} node @param {string} name @returns {Point[]} */
  gauge(node, name) {
    return (this.#nodes.get(node) ?? []).map(({ time, totals }) => ({ time, value: totals.get(name) ?? 0 }));
  }

  /** Growth in `per` milliseconds. @param {string} node @param {string} name @param {number} per */
  rate(node, name, per = 1000) {
    return this.#steps(node, (before, now, span) => (per * growth(before, now, name)) / span);
  }

  /** What part of the growth has a label. @param {string} node @param {string} name @param {string} label @param {string[]} without */
  share(node, name, label, without) {
    return this.#steps(node, (before, now) => {
      const rest = without.reduce((sum, other) => sum + growth(before, now, `${name} ${other}`), 0);
      const all = growth(before, now, name) - rest;
      return all > 0 ? growth(before, now, `${name} ${label}`) / all : null;
    });
  }

  /** A quantile of a histogram's growth, in its unit. @param {string} node @param {string} name @param {number} part */
  quantile(node, name, part) {
    return this.#steps(node, (before, now) => quantileOf(before, now, `${name}_bucket`, part));
  }

  /**
   * @param {string} node
   * @param {(before: Totals, now: Totals, span: number) => number|null} value null where there is none
   * @returns {Point[]}
   */
  #steps(node, value) {
    const kept = this.#nodes.get(node) ?? [];
    return kept.slice(1).flatMap(({ time, totals }, index) => {
      const found = value(kept[index].totals, totals, Math.max(1, time - kept[index].time));
      return found === null ? [] : [{ time, value: found }];
    });
  }
}

/** @param {Sample[]} samples @returns {Totals} */
function totalsOf(samples) {
  const totals = new Map();
  /** @param {string} key @param {number} value */
  const add = (key, value) => totals.set(key, (totals.get(key) ?? 0) + value);
  for (const { name, labels, value } of samples) {
    add(name, value);
    for (const [label, worth] of Object.entries(labels ?? {})) add(`${name} ${label}=${worth}`, value);
  }
  return totals;
}

/** A counter never falls, unless its node was started anew. @param {Totals} before @param {Totals} now @param {string} key */
function growth(before, now, key) {
  return Math.max(0, (now.get(key) ?? 0) - (before.get(key) ?? 0));
}

/**
 * As Prometheus does it: within its bucket, a value is anywhere with the same likelihood.
 *
 * @param {Totals} before
 * @param {Totals} now
 * @param {string} name of the buckets
 * @param {number} part
 */
export function quantileOf(before, now, name, part) {
  const buckets = [...now.keys()]
    .filter((key) => key.startsWith(`${name} le=`))
    .map((key) => ({ to: Number(key.slice(name.length + 4).replace("+Inf", "Infinity")), count: growth(before, now, key) }))
    .sort((a, b) => a.to - b.to);
  const all = buckets[buckets.length - 1]?.count ?? 0;
  if (all === 0) return null;
  const index = buckets.findIndex(({ count }) => count >= all * part);
  const low = index > 0 ? buckets[index - 1] : { to: 0, count: 0 };
  const { to, count } = buckets[index];
  if (to === Infinity) return low.to;
  return low.to + ((to - low.to) * (all * part - low.count)) / Math.max(1, count - low.count);
}
