/** Writing a message. Enter sends, Shift+Enter begins a line. */

import { t } from "./i18n.js";
import { send, tellTyping } from "./state.js";
import { html, useEffect, useRef } from "./ui.js";

/** Characters of a message at most (`limits.max_content`). */
const LONGEST = 5000;

export function Composer() {
  const field = useRef(/** @type {HTMLTextAreaElement|null} */ (null));

  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, []);

  /** @param {Event} [event] */
  async function submit(event) {
    event?.preventDefault();
    const text = field.current?.value.trim() ?? "";
    if (!field.current || !text) return;
    field.current.value = "";
    grow();
    await send(text);
  }

  function grow() {
    if (!field.current) return;
    field.current.rows = Math.min(8, field.current.value.split("\n").length);
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) void submit(event);
  }

  return html`<form class="composer" onSubmit=${submit}>
    <textarea
      ref=${field}
      rows="1"
      maxlength=${LONGEST}
      aria-label=${t("write")}
      placeholder=${t("write")}
      onKeyDown=${pressed}
      onInput=${() => (grow(), tellTyping())}
    ></textarea>
    <button class="primary round" aria-label=${t("send")} title=${t("send")}>➤</button>
  </form>`;
}
