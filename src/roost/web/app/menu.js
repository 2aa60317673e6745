/** What can be done with a message: at hand beside it, and the rest in a menu. */

import { show } from "./dialog.js";
import { t } from "./i18n.js";
import { attempt, client, replying } from "./state.js";
import { html, signal, useRef } from "./ui.js";

/** Reactions at hand; others come from other clients, and may be joined. */
const EMOJI = ["👍", "❤️", "😂"];

/** @typedef {import("../sdk/types.js").Message} Message */

/** The message whose menu is open. @type {import("./ui.js").Signal<Message|null>} */
const chosen = signal(null);

/** In sight where the message is pointed at, or reached by the keyboard. @param {{message: Message}} props */
export function Actions({ message }) {
  return html`<span class="actions">
    ${EMOJI.map(
      (emoji) => html`<button class="plain small" aria-label=${t("react", emoji)} onClick=${() => toggle(message, emoji)}>${emoji}</button>`,
    )}
    <button class="plain small" aria-label=${t("reply")} title=${t("reply")} onClick=${() => reply(message)}>↩</button>
    <button
      class="plain small"
      aria-label=${t("more")}
      title=${t("more")}
      aria-haspopup="true"
      onClick=${(/** @type {MouseEvent} */ event) => openMenu(message, /** @type {HTMLElement} */ (event.currentTarget))}
    >
      ⋯
    </button>
  </span>`;
}

/** The menu: one for all messages, above everything, where its button is. */
export function Menu() {
  const element = useRef(/** @type {HTMLElement|null} */ (null));
  const message = chosen.value;
  const own = message?.senderID === client.value?.userID;
  /** @param {() => void} work */
  const item = (work) => () => (element.current?.hidePopover(), work());
  return html`<div class="menu" id="message-menu" popover="auto" ref=${element} role="group" aria-label=${t("more")}>
    ${message &&
    html`
      <button onClick=${item(() => reply(message))}>${t("reply")}</button>
      <button onClick=${item(() => show("forward", message))}>${t("forward")}</button>
      <button onClick=${item(() => pin(message))}>${message.pinned ? t("unpin") : t("pin")}</button>
      ${message.content && html`<button onClick=${item(() => void navigator.clipboard?.writeText(message.content))}>${t("copy")}</button>`}
      ${own && html`<button onClick=${item(() => show("receipts", message))}>${t("receipts")}</button>`}
      ${own && message.content && !message.sticker && html`<button onClick=${item(() => show("edit", message))}>${t("edit")}</button>`}
      ${own && html`<button class="danger" onClick=${item(() => attempt(client.value?.recall(message.serverMsgID)))}>${t("recall")}</button>`}
    `}
  </div>`;
}

/** @param {Message} message @param {HTMLElement} button */
function openMenu(message, button) {
  chosen.value = message;
  const menu = document.getElementById("message-menu");
  if (menu === null) return;
  requestAnimationFrame(() => {
    menu.showPopover();
    const at = button.getBoundingClientRect();
    const below = at.bottom + menu.offsetHeight < innerHeight;
    menu.style.top = `${Math.max(8, below ? at.bottom : at.top - menu.offsetHeight)}px`;
    menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - menu.offsetWidth - 8))}px`;
    menu.querySelector("button")?.focus();
  });
}

/** @param {Message} message */
function reply(message) {
  replying.value = message;
}

/** @param {Message} message */
export function pin(message) {
  const one = client.value;
  attempt(message.pinned ? one?.unpin(message.serverMsgID) : one?.pin(message.serverMsgID));
}

/** @param {Message} message @param {string} emoji */
export function toggle(message, emoji) {
  const mine = message.reactions?.[emoji]?.includes(client.value?.userID ?? "");
  attempt(mine ? client.value?.unreact(message.serverMsgID, emoji) : client.value?.react(message.serverMsgID, emoji));
}
