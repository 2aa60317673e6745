/** Messages that are sent later, and messages that are there for a time. */

import { close, show } from "./dialog.js";
import { staged, Tray, unstage } from "./files.js";
import { asField } from "./format.js";
import { t } from "./i18n.js";
import { client, current } from "./state.js";
import { html, signal, useEffect, useState } from "./ui.js";
import { LONGEST, Waiting } from "./waiting.js";

const HOUR = 3_600_000;
/** How long messages may be there, in seconds, and the word for it. */
const TIMES = /** @type {const} */ ([[0, "always"], [3600, "anHour"], [86_400, "aDay"], [604_800, "aWeek"]]);
const KEY = "roost:ttl";

/** How long one's messages of a conversation are there, in seconds, where that is not for ever. @type {import("./ui.js").Signal<Record<string, number>>} */
const times = signal(JSON.parse(localStorage.getItem(KEY) ?? "{}"));

/** Seconds for which what one sends there is there; undefined for ever. @param {string} id @returns {number|undefined} */
export function ttlOf(id) {
  return times.value[id];
}

/** @param {string} id @param {number} ttl 0 for ever */
function keepFor(id, ttl) {
  const { [id]: _, ...others } = times.value;
  times.value = ttl ? { ...others, [id]: ttl } : others;
  localStorage.setItem(KEY, JSON.stringify(times.value));
}

/** @typedef {{text: string, mentionedIn: (text: string) => string[], replyTo?: string, done: () => void}} Begun what is in the field */

/** The button beside the field. @param {{begun: () => Begun}} props */
export function Clock({ begun }) {
  return html`<button type="button" class="icon" aria-label=${t("later")} title=${t("later")} onClick=${() => show("later", begun())}>◷</button>`;
}

/** That what one sends here is not there for ever. @param {{id: string}} props */
export function ForATime({ id }) {
  const found = TIMES.find(([ttl]) => ttl === (times.value[id] ?? 0));
  if (!found?.[0]) return null;
  return html`<div class="answered">
    <span class="grow" role="status">${t("goneAfter", t(found[1]))}</span>
    <button type="button" class="icon" aria-label=${t("keepAlways")} title=${t("keepAlways")} onClick=${() => keepFor(id, 0)}>×</button>
  </div>`;
}

/** @param {{about: Begun}} props */
export function Later({ about }) {
  const id = current.value ?? "";
  const [waiting, setWaiting] = useState(/** @type {import("../sdk/types.js").Scheduled[]} */ ([]));
  const [error, setError] = useState("");
  const [step, setStep] = useState(/** @type {{loaded: number, total: number}|null} */ (null));
  const soon = new Date(Math.ceil((Date.now() + HOUR / 4) / (HOUR / 4)) * (HOUR / 4));

  async function again() {
    try {
      setWaiting((await client.value?.scheduled()) ?? []);
      setError("");
    } catch (refusal) {
      setError(/** @type {Error} */ (refusal).message);
    }
  }
  useEffect(() => void again(), []);

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const said = new FormData(form);
    const [text, at] = [String(said.get("text")).trim(), new Date(String(said.get("at"))).getTime()];
    try {
      if (!(at > Date.now())) throw new Error(t("inThePast"));
      const more = { replyTo: about.replyTo, mentions: about.mentionedIn(text), ttl: ttlOf(id) };
      const progress = (/** @type {number} */ loaded, /** @type {number} */ total) => setStep({ loaded, total });
      if (staged.value.length) progress(0, 1);
      await client.value?.schedule(id, text, at, { ...more, files: staged.value, progress });
      unstage();
      const field = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem("text"));
      field.value = "";
      about.done();
      await again();
    } catch (refusal) {
      setError(/** @type {Error} */ (refusal).message);
    } finally {
      setStep(null);
    }
  }

  return html`<h2 id="dialog-title">${t("later")}</h2>
    <label>${t("disappear")}
      <select onChange=${(/** @type {any} */ event) => keepFor(id, Number(event.target.value))}>
        ${TIMES.map(([ttl, word]) => html`<option key=${ttl} value=${ttl} selected=${ttl === (times.value[id] ?? 0)}>${t(word)}</option>`)}
      </select>
    </label>
    <form class="apart" onSubmit=${submit}>
      <label>${t("message")}<textarea name="text" required=${!staged.value.length} rows="3" maxlength=${LONGEST} defaultValue=${about.text}></textarea></label>
      <${Tray} />
      <label>${t("sendAt")}<input name="at" type="datetime-local" required defaultValue=${asField(soon)} /></label>
      ${step && html`<progress max=${step.total || 1} value=${step.loaded} aria-label=${t("uploading")}></progress>`}
      <p class="error" role="alert">${error}</p>
      <div class="buttons">
        <button type="button" class="plain" onClick=${close}>${t("close")}</button>
        <button class="primary" disabled=${step !== null}>${t("sendLater")}</button>
      </div>
    </form>
    <${Waiting} waiting=${waiting} again=${again} />`;
}
