/** What waits to be sent later: listed, changed, taken back. */

import { asField, moment } from "./format.js";
import { t } from "./i18n.js";
import { client, titleOf } from "./state.js";
import { html, useEffect, useRef, useState } from "./ui.js";

/** Characters of a message at most (`limits.max_content`), and of one in the list. */
export const LONGEST = 5000;
const SHOWN = 140;
/** What the server says of a message that it has sent, or is sending just now. */
const SENT = ["unknown_message", "conflict"];

/** @typedef {import("../sdk/types.js").Scheduled} Scheduled */

/** @param {{waiting: Scheduled[], again: () => Promise<void>}} props `again` reads what waits anew */
export function Waiting({ waiting, again }) {
  const place = useRef(/** @type {HTMLElement|null} */ (null));
  const before = useRef("");
  const [changing, setChanging] = useState("");
  const [error, setError] = useState("");

  useEffect(() => {
    if (before.current && !changing) focusOn(before.current); // the form is gone, and with it what had the focus
    before.current = changing;
  }, [changing]);

  /** @param {string} id */
  function focusOn(id) {
    const button = /** @type {HTMLElement|null|undefined} */ (place.current?.querySelector(`[data-of="${id}"]`));
    (button ?? place.current)?.focus();
  }

  /** @param {() => Promise<any>|undefined} work what may be refused, because it was sent meanwhile */
  async function attempt(work) {
    try {
      await work();
      setError("");
      setChanging("");
    } catch (refusal) {
      const { slug, message } = /** @type {import("../sdk/errors.js").RoostError} */ (refusal);
      setError(SENT.includes(slug) ? t("sentMeanwhile") : message);
      if (SENT.includes(slug)) setChanging("");
    }
    await again();
  }

  /** @param {Scheduled} one */
  async function cancel(one) {
    await attempt(() => client.value?.cancelScheduled(one.scheduledID));
    focusOn(one.scheduledID);
  }

  return html`<section ref=${place} tabindex="-1" aria-label=${t("waiting")}>
    ${waiting.length > 0 && html`<h3>${t("waiting")}</h3>`}
    <p class="error" role="alert">${error}</p>
    <ul class="pins">
      ${waiting.map((one) =>
        one.scheduledID === changing
          ? html`<li key=${one.scheduledID}><${Changing} one=${one} attempt=${attempt} done=${() => setChanging("")} /></li>`
          : html`<li key=${one.scheduledID}>
              <span class="grow">
                <b>${titleOf(one.conversationID)}</b> <small class="quiet">${moment(one.sendTime)}</small>
                <span>${one.content.slice(0, SHOWN)}</span>
                ${one.attachments && html`<small class="quiet">▤ ${t("fileCount", one.attachments.length)}</small>`}
              </span>
              <button class="icon" data-of=${one.scheduledID} aria-label=${t("changeThat", brief(one))} title=${t("edit")} onClick=${() => setChanging(one.scheduledID)}>✎</button>
              <button class="icon" aria-label=${t("dontSend", brief(one))} title=${t("discard")} onClick=${() => cancel(one)}>×</button>
            </li>`,
      )}
    </ul>
  </section>`;
}

/** @param {{one: Scheduled, attempt: (work: () => Promise<any>|undefined) => Promise<void>, done: () => void}} props */
function Changing({ one, attempt, done }) {
  const form = useRef(/** @type {HTMLFormElement|null} */ (null));
  const time = asField(new Date(one.sendTime));
  useEffect(() => {
    /** @type {HTMLElement|undefined} */ (form.current?.elements[0])?.focus();
    form.current?.scrollIntoView({ block: "nearest" });
  }, []);

  /** @param {SubmitEvent} event */
  function submit(event) {
    event.preventDefault();
    const said = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const [text, at] = [String(said.get("text") ?? one.content).trim(), String(said.get("at"))];
    void attempt(async () => {
      /** @type {{content?: string, sendTime?: number}} */
      const change = {};
      if (text !== one.content) change.content = text;
      if (at !== time) change.sendTime = new Date(at).getTime();
      if (change.sendTime !== undefined && !(change.sendTime > Date.now())) throw new Error(t("inThePast"));
      if (Object.keys(change).length) await client.value?.reschedule(one.scheduledID, change);
    });
  }

  return html`<form ref=${form} class="grow" aria-label=${t("changeThat", brief(one))} onSubmit=${submit}>
    ${!one.sticker && html`<label>${t("newText")}<textarea name="text" required=${!one.attachments} rows="3" maxlength=${LONGEST} defaultValue=${one.content}></textarea></label>`}
    <label>${t("sendAt")}<input name="at" type="datetime-local" required defaultValue=${time} /></label>
    <div class="buttons">
      <button type="button" class="plain" onClick=${done}>${t("cancel")}</button>
      <button class="primary">${t("save")}</button>
    </div>
  </form>`;
}

/** @param {Scheduled} one */
function brief(one) {
  return one.content.slice(0, 40) || t("fileCount", one.attachments?.length ?? 0);
}
