/** Signing in, and signing up. */

import { language, speak, t } from "./i18n.js";
import { signIn } from "./state.js";
import { html, useState } from "./ui.js";

export function SignIn() {
  const [way, setWay] = useState(/** @type {"login"|"register"} */ ("login"));
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    setBusy(true);
    setError("");
    try {
      await signIn(way, String(form.get("user")), String(form.get("password")));
    } catch (refusal) {
      setError(/** @type {Error} */ (refusal).message);
    } finally {
      setBusy(false);
    }
  }

  return html`<div class="welcome">
    <form class="card" onSubmit=${submit}>
      <img src="/app/roost.svg" alt="" width="64" height="64" />
      <h1>Roost</h1>
      <p class="quiet">${t("tagline")}</p>
      <label>
        ${t("user")}
        <input name="user" required maxlength="50" autocomplete="username" autocapitalize="none" spellcheck=${false} />
      </label>
      <label>
        ${t("password")}
        <input
          name="password"
          type="password"
          required
          minlength=${way === "register" ? 8 : undefined}
          autocomplete=${way === "register" ? "new-password" : "current-password"}
          placeholder=${way === "register" ? t("passwordHint") : ""}
        />
      </label>
      <p class="error" role="alert">${error}</p>
      <button class="primary" disabled=${busy}>${way === "login" ? t("signIn") : t("signUp")}</button>
      <button type="button" class="plain" onClick=${() => setWay(way === "login" ? "register" : "login")}>
        ${way === "login" ? t("noAccount") : t("haveAccount")}
      </button>
      <button type="button" class="plain" onClick=${() => speak(language.value === "en" ? "zh" : "en")}>
        ${t("language")}
      </button>
    </form>
  </div>`;
}
