/** The settings: oneself, the language, dark or light, notifications, signing out. */

import { close, show } from "./dialog.js";
import { language, speak, t } from "./i18n.js";
import { notices, turnNotices } from "./notices.js";
import { Face, nameOf } from "./people.js";
import { client, signOut } from "./state.js";
import { html, useState } from "./ui.js";

export function Settings() {
  const [error, setError] = useState("");
  function turn() {
    const chosen = document.documentElement.dataset.theme;
    const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("roost:theme", dark ? "light" : "dark");
  }
  return html`<h2 id="dialog-title">${t("settings")}</h2>
    <button class="line-button own" title=${t("editProfile")} onClick=${() => show("profile")}>
      <${Face} of=${client.value?.userID} />
      <span class="grow"><b>${nameOf(client.value?.userID ?? "")}</b><small class="quiet">${t("editProfile")}</small></span>
    </button>
    ${notices.value !== "off" && html`<p class="quiet">${t(notices.value === "push" ? "notifiedAlways" : "notifiedOpen")}</p>`}
    <p class="error" role="alert">${error}</p>
    <div class="stack">
      <button onClick=${() => speak(language.value === "en" ? "zh" : "en")}>${t("language")}</button>
      <button onClick=${turn}>${t("theme")}</button>
      ${"Notification" in globalThis &&
      html`<button aria-pressed=${notices.value !== "off"} onClick=${() => turnNotices().catch((refusal) => setError(refusal.message))}>
        ${t("notify")}
      </button>`}
      <button onClick=${() => show("blocked")}>${t("blockedPeople")}</button>
      <button class="danger" onClick=${() => (close(), signOut())}>${t("signOut")}</button>
      <button class="danger" onClick=${() => (close(), signOut({ forget: true }))}>${t("signOutForget")}</button>
    </div>`;
}
