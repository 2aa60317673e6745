/** The page of somebody who is signed in: the list, and the open conversation. */

import { show } from "./dialog.js";
import { Dialogs } from "./dialogs.js";
import { t } from "./i18n.js";
import { List } from "./list.js";
import { Find, Found, words } from "./search.js";
import { connection, current, offline, progress, toggleOffline } from "./state.js";
import { Thread } from "./thread.js";
import { html } from "./ui.js";

export function Chat() {
  return html`<div class=${current.value === null ? "chat" : "chat has-thread"}>
    <nav class="side" aria-label=${t("conversations")}>
      <header class="bar">
        <h1>Roost</h1>
        <button class="icon" title=${t("newChat")} aria-label=${t("newChat")} onClick=${() => show("chat")}>✎</button>
        <button class="icon" title=${t("newGroup")} aria-label=${t("newGroup")} onClick=${() => show("group")}>⚇</button>
        <button class="icon" title=${t("settings")} aria-label=${t("settings")} onClick=${() => show("settings")}>⚙</button>
      </header>
      <${Status} />
      <${Find} />
      ${words.value ? html`<${Found} />` : html`<${List} />`}
    </nav>
    ${current.value === null
      ? html`<section class="thread empty"><p class="quiet">${t("choose")}</p></section>`
      : html`<${Thread} key=${current.value} id=${current.value} />`}
    <${Dialogs} />
  </div>`;
}

/** The connection, in one line: what it does, how far it is, and the switch that takes it away. */
function Status() {
  const { state } = connection.value;
  const step = progress.value;
  const word = /** @type {"connected"|"connecting"|"syncing"|"disconnected"} */ (state);
  return html`<div class="status ${state}" role="status">
    <span class="dot"></span>
    <span class="grow">${step ? t("catchingUp", step.done, step.total) : t(word)}</span>
    <button class="plain small" aria-pressed=${offline.value} onClick=${toggleOffline}>
      ${offline.value ? t("goOnline") : t("goOffline")}
    </button>
    ${step && html`<progress max=${step.total} value=${step.done} aria-label=${t("syncing")}></progress>`}
  </div>`;
}
