/** The operator's page: what the server does now, and looking things up. It needs the key of a back end. */

import { language, speak } from "../app/i18n.js";
import { html, render, signal, useEffect, useState } from "../app/ui.js";
import { Unauthenticated } from "../sdk/errors.js";
import { ask as request } from "../sdk/http.js";
import { Chart } from "./chart.js";
import { EVERY, Figures } from "./figures.js";
import { Audit, Devices } from "./tables.js";
import { t } from "./words.js";

const KEPT_AS = "roost:admin-key";
/** In this tab, and until it is closed. */
const key = signal(sessionStorage.getItem(KEPT_AS));
const figures = new Figures();

/** @param {string|null} next */
function use(next) {
  if (next === null) sessionStorage.removeItem(KEPT_AS);
  else sessionStorage.setItem(KEPT_AS, next);
  key.value = next;
}

/** @param {string} path @returns {Promise<any>} */
function ask(path) {
  return request(`${location.origin}/api/v1`, "GET", path, undefined, key.value ?? "");
}

function App() {
  return key.value === null ? html`<${Door} />` : html`<${Desk} />`;
}

const refusal = signal("");
/** Counts the answers: the charts are drawn anew. */
const drawn = signal(0);

function Door() {
  /** @param {SubmitEvent} event */
  function submit(event) {
    event.preventDefault();
    refusal.value = "";
    use(String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("key")).trim());
  }
  return html`<div class="welcome">
    <form class="card" onSubmit=${submit}>
      <img src="/app/roost.svg" alt="" width="64" height="64" />
      <h1>${t("title")}</h1>
      <label>${t("key")}<input name="key" type="password" required autocomplete="off" autofocus /></label>
      <p class="quiet">${t("keyHint")}</p>
      <p class="error" role="alert">${refusal.value}</p>
      <button class="primary">${t("enter")}</button>
      <${Language} />
    </form>
  </div>`;
}

function Language() {
  return html`<button type="button" class="plain" onClick=${() => speak(language.value === "en" ? "zh" : "en")}>${t("language")}</button>`;
}

function Desk() {
  const [error, setError] = useState("");
  useEffect(() => {
    let ended = false;
    async function look() {
      try {
        figures.take(await ask("/admin/metrics"));
        setError("");
        drawn.value += 1;
      } catch (refused) {
        if (refused instanceof Unauthenticated) {
          refusal.value = refused.message;
          use(null);
        } else setError(/** @type {Error} */ (refused).message);
      }
      if (!ended) setTimeout(() => ended || look(), EVERY);
    }
    void look();
    return () => void (ended = true);
  }, []);
  return html`<div class="desk">
    <header>
      <h1>${t("title")}</h1>
      <${Language} />
      <button class="plain" onClick=${() => use(null)}>${t("leave")}</button>
    </header>
    <p class="error" role="alert">${error}</p>
    <${Charts} answers=${drawn.value} />
    <${Devices} ask=${ask} />
    <${Audit} ask=${ask} />
  </div>`;
}

function Charts() {
  /** One line for each node. @param {(node: string) => import("./figures.js").Point[]} points */
  const each = (points) => figures.nodes.map((node) => ({ name: node, points: points(node) }));
  /** Two lines; for several nodes, two of each. @param {[string, (node: string) => import("./figures.js").Point[]][]} lines */
  const both = (lines) =>
    figures.nodes.flatMap((node) =>
      lines.map(([name, points]) => ({ name: figures.nodes.length > 1 ? `${node} ${name}` : name, points: points(node) })),
    );
  /** @param {string} name */
  const spread = (name) =>
    both([
      [t("half"), (node) => figures.quantile(node, name, 0.5)],
      [t("most"), (node) => figures.quantile(node, name, 0.99)],
    ]);
  const messages = both([
    [t("committed"), (node) => figures.rate(node, "roost_messages_total")],
    [t("delivered"), (node) => figures.rate(node, "roost_deliveries_total")],
  ]);
  const arriving = each((node) => figures.share(node, "roost_pushes_total", "outcome=sent", ["outcome=dropped"]));
  return html`<div class="charts">
    <${Chart} title=${t("connections")} lines=${each((node) => figures.gauge(node, "roost_connections"))} format=${count} />
    <${Chart} title=${t("throughput")} lines=${messages} format=${count} />
    <${Chart} title=${t("commit")} lines=${spread("roost_commit_seconds")} format=${seconds} />
    <${Chart} title=${t("sync")} lines=${spread("roost_sync_page_seconds")} format=${seconds} />
    <${Chart} title=${t("waiting")} lines=${each((node) => figures.gauge(node, "roost_writer_waiting"))} format=${count} />
    <${Chart} title=${t("backlog")} lines=${each((node) => figures.gauge(node, "roost_push_backlog"))} format=${count} />
    <${Chart} title=${t("success")} lines=${arriving} format=${percent} most=${1} />
    <${Chart} title=${t("slow")} lines=${each((node) => figures.rate(node, "roost_slow_readers_total", 60_000))} format=${count} />
    <${Chart} title=${t("failures")} lines=${each((node) => figures.rate(node, "roost_refusals_total"))} format=${count} />
    <${Chart} title=${t("memory")} lines=${each((node) => figures.gauge(node, "process_resident_memory_bytes"))} format=${megabytes} />
  </div>`;
}

/** @param {number} value */
const count = (value) => (value >= 100 ? Math.round(value).toLocaleString(language.value) : String(Number(value.toFixed(1))));
/** @param {number} value */
const seconds = (value) => (value < 1 ? `${Number((value * 1000).toPrecision(2))} ms` : `${value.toFixed(1)} s`);
/** @param {number} value */
const percent = (value) => `${(100 * value).toFixed(value < 1 ? 1 : 0)} %`;
/** @param {number} value */
const megabytes = (value) => `${Math.round(value / 1_048_576)} MB`;

const theme = localStorage.getItem("roost:theme");
if (theme) document.documentElement.dataset.theme = theme;
speak(language.value);
render(html`<${App} />`, /** @type {Element} */ (document.querySelector("main")));
