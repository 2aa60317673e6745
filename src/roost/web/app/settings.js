/** The settings: the language, dark or light, notifications, signing out. */

import { close } from "./dialog.js";
import { language, speak, t } from "./i18n.js";
import { client, signOut } from "./state.js";
import { html } from "./ui.js";

export function Settings() {
  function turn() {
    const chosen = document.documentElement.dataset.theme;
    const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("roost:theme", dark ? "light" : "dark");
  }
  return html`<h2 id="dialog-title">${t("settings")}</h2>
    <p><b>${client.value?.userID}</b></p>
    <div class="stack">
      <button onClick=${() => speak(language.value === "en" ? "zh" : "en")}>${t("language")}</button>
      <button onClick=${turn}>${t("theme")}</button>
      ${"Notification" in globalThis && html`<button onClick=${() => Notification.requestPermission()}>${t("notify")}</button>`}
      <button class="danger" onClick=${() => (close(), signOut())}>${t("signOut")}</button>
    </div>`;
}
