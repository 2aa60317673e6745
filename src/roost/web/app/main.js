/** The page. */

import { Chat } from "./chat.js";
import { show } from "./dialog.js";
import { language, speak, t } from "./i18n.js";
import { announce, resumeNotices } from "./notices.js";
import { SignIn } from "./signin.js";
import { begin, client, invited, unreadTotal, whenReceived } from "./state.js";
import { effect, html, render } from "./ui.js";

function App() {
  return client.value === null ? html`<${SignIn} />` : html`<${Chat} />`;
}

const theme = localStorage.getItem("roost:theme");
if (theme) document.documentElement.dataset.theme = theme;
speak(language.value);
effect(() => {
  document.title = unreadTotal.value ? `(${unreadTotal.value}) Roost` : "Roost";
});
whenReceived(announce);
effect(() => {
  if (client.value === null || invited.value === null) return;
  show("join", invited.value);
  invited.value = null;
});
effect(() => {
  if (client.value !== null) void resumeNotices();
});
begin().then(
  () => render(html`<${App} />`, /** @type {Element} */ (document.querySelector("main"))),
  (error) => {
    console.warn(error);
    /** @type {Element} */ (document.querySelector("main")).textContent = t("loadFailed", error.message);
  },
);
