/** Looking things up: how far a user's devices are, and what stands in the audit log. */

import { html, useState } from "../app/ui.js";
import { t } from "./words.js";

const HOUR = 3_600_000;
const PERIODS = /** @type {const} */ ({ hour: HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR, everything: 0 });
const LIMIT = 200;

/** @typedef {{ask: (path: string) => Promise<any>}} Asking */

/** @param {number|null|undefined} time */
function when(time) {
  return time ? new Date(time).toISOString().replace("T", " ").slice(0, 19) : "";
}

/** @param {Asking} props */
export function Devices({ ask }) {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [error, setError] = useState("");
  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const user = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("user")).trim();
    try {
      setFound(await ask(`/admin/users/${encodeURIComponent(user)}/devices`));
      setError("");
    } catch (refusal) {
      setError(/** @type {Error} */ (refusal).message);
    }
  }
  return html`<section class="panel" aria-label=${t("devices")}>
    <h2>${t("devices")}</h2>
    <form onSubmit=${submit}>
      <label>${t("user")}<input name="user" required maxlength="50" autocapitalize="none" /></label>
      <button class="primary">${t("look")}</button>
    </form>
    <p class="error" role="alert">${error}</p>
    ${found &&
    html`<div class="wide" tabindex="0" role="region" aria-label=${t("devices")}><table>
      <thead><tr><th>${t("device")}</th><th class="number">${t("position")}</th><th class="number">${t("lag")}</th><th>${t("seen")} (UTC)</th><th>${t("pushes")}</th></tr></thead>
      <tbody>
        ${found.devices.map(
          (/** @type {any} */ one) => html`<tr key=${one.deviceID}>
            <td>${one.deviceID}</td><td class="number">${one.position}</td><td class="number">${one.lag}</td>
            <td>${when(one.lastSeen ?? one.syncTime)}</td><td>${one.push.map((/** @type {any} */ push) => push.platform).join(", ")}</td>
          </tr>`,
        )}
      </tbody>
    </table></div>`}
  </section>`;
}

/** @param {Asking} props */
export function Audit({ ask }) {
  const [records, setRecords] = useState(/** @type {any[]|null} */ (null));
  const [next, setNext] = useState(/** @type {string|null} */ (null));
  const [error, setError] = useState("");

  /** @param {string} query @param {any[]} before */
  async function search(query, before) {
    try {
      const page = await ask(`/admin/audit?${query}`);
      const bare = query.replace(/&after=\d+/, "");
      setNext(page.next === undefined || page.next === null ? null : `${bare}&after=${page.next}`);
      setRecords([...before, ...page.records]);
      setError("");
    } catch (refusal) {
      setError(/** @type {Error} */ (refusal).message);
    }
  }

  /** @param {SubmitEvent} event */
  function submit(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const period = PERIODS[/** @type {keyof typeof PERIODS} */ (form.get("period"))];
    const query = new URLSearchParams({ limit: String(LIMIT) });
    const user = String(form.get("user")).trim();
    if (user) query.set("user", user);
    if (period) query.set("since", String(Date.now() - period));
    void search(query.toString(), []);
  }

  return html`<section class="panel" aria-label=${t("audit")}>
    <h2>${t("audit")}</h2>
    <form onSubmit=${submit}>
      <label>${t("anybody")}<input name="user" maxlength="64" autocapitalize="none" /></label>
      <label>${t("period")}<select name="period">${Object.keys(PERIODS).map((name) => html`<option value=${name}>${t(/** @type {keyof typeof PERIODS} */ (name))}</option>`)}</select></label>
      <button class="primary">${t("search")}</button>
    </form>
    <p class="error" role="alert">${error}</p>
    <p class="quiet" role="status">${records ? t("found", records.length) : ""}</p>
    ${records?.length
      ? html`<div class="wide" tabindex="0" role="region" aria-label=${t("audit")}><table>
          <thead><tr><th>${t("time")} (UTC)</th><th>${t("act")}</th><th>${t("actor")}</th><th>${t("target")}</th><th>${t("where")}</th><th>${t("details")}</th></tr></thead>
          <tbody>${records.map((one, index) => html`<${Row} key=${index} one=${one} />`)}</tbody>
        </table></div>`
      : ""}
    ${next && html`<button onClick=${() => search(next, records ?? [])}>${t("more")}</button>`}
  </section>`;
}

/** @param {{one: any}} props */
function Row({ one }) {
  const about = [one.message, one.content, one.details && JSON.stringify(one.details)].filter(Boolean).join(" ");
  return html`<tr>
    <td>${when(one.time)}</td><td>${one.act}</td>
    <td>${one.actor} <small class="quiet">${[one.device, one.address].filter(Boolean).join(" ")}</small></td>
    <td>${one.target ?? ""}</td><td>${one.conversation ?? ""}</td><td class="long">${about}</td>
  </tr>`;
}
