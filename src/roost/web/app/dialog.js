/** The frame of every dialog: which one is open, about what, and a form that may be refused. */

import { t } from "./i18n.js";
import { html, signal, useState } from "./ui.js";

/**
 * @typedef {"chat"|"group"|"members"|"settings"|"edit"|"forward"|"pins"|"receipts"|"join"|"person"|"profile"|"blocked"|"later"|"stickers"} Kind
 * @type {import("./ui.js").Signal<{kind: Kind, about: any}|null>}
 */
export const shown = signal(null);

/** @param {Kind} kind @param {any} [about] what the dialog is about */
export function show(kind, about = null) {
  shown.value = { kind, about };
}

export function close() {
  shown.value = null;
}

/**
 * A form of a dialog: its work may be refused, and says so.
 *
 * @param {{title: string, action: string, work: (form: FormData) => Promise<void>, children?: any}} props
 */
export function Form({ title, action, work, children }) {
  const [error, setError] = useState("");
  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    try {
      await work(new FormData(/** @type {HTMLFormElement} */ (event.target)));
    } catch (refusal) {
      setError(/** @type {Error} */ (refusal).message);
    }
  }
  return html`<form onSubmit=${submit}>
    <h2 id="dialog-title">${title}</h2>
    ${children}
    <p class="error" role="alert">${error}</p>
    <div class="buttons">
      <button type="button" class="plain" onClick=${close}>${t("cancel")}</button>
      <button class="primary">${action}</button>
    </div>
  </form>`;
}
