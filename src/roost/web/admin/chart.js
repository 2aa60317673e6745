/** A small line chart: what it is now in figures, and how it came there. */

import { html } from "../app/ui.js";
import { t } from "./words.js";

const WIDTH = 300;
const HEIGHT = 60;

/**
 * @typedef {import("./figures.js").Point} Point
 * @param {{title: string, lines: {name: string, points: Point[]}[], format: (value: number) => string, most?: number}} props
 */
export function Chart({ title, lines, format, most = 0 }) {
  const drawn = lines.filter(({ points }) => points.length);
  const values = drawn.flatMap(({ points }) => points.map(({ value }) => value));
  const times = drawn.flatMap(({ points }) => points.map(({ time }) => time));
  const top = Math.max(most, ...values) || 1;
  const [from, to] = [Math.min(...times), Math.max(...times)];
  /** @param {Point} point */
  const at = ({ time, value }) =>
    `${((WIDTH * (time - from)) / Math.max(1, to - from)).toFixed(1)} ${(HEIGHT - (HEIGHT * value) / top).toFixed(1)}`;
  const now = drawn.map(({ points }) => format(points[points.length - 1].value)).join(" · ");
  const said = values.length ? t("between", title, now, format(Math.min(...values)), format(Math.max(...values))) : `${title}: ${t("none")}`;
  return html`<section class="tile">
    <h2>${title}</h2>
    <output>${now || "–"}</output>
    <svg viewBox="0 -8 ${WIDTH} ${HEIGHT + 8}" preserveAspectRatio="none" role="img" aria-label=${said}>
      <path class="floor" d="M0 ${HEIGHT} H${WIDTH}" />
      ${drawn.map(({ name, points }, index) => html`<path key=${name} class=${`line-${index % 4}`} d=${`M${points.map(at).join(" L")}`} />`)}
    </svg>
    <div class="legend">
      ${drawn.length > 1 && drawn.map(({ name }, index) => html`<span key=${name}><i class=${`line-${index % 4}`}></i>${name}</span>`)}
    </div>
  </section>`;
}
