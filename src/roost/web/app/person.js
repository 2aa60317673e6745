/** Dialogs about people: somebody, oneself, and whom one has blocked. */

import { close, Form, show } from "./dialog.js";
import { short } from "./format.js";
import { t } from "./i18n.js";
import { blocked, Face, nameOf, profileOf } from "./people.js";
import { Portrait } from "./portrait.js";
import { choose, client, presence } from "./state.js";
import { html, useEffect, useState } from "./ui.js";

/** Somebody. @param {{about: string}} props */
export function Person({ about }) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const one = client.value;
  const profile = profileOf(about);
  const seen = presence.value[about];
  const isBlocked = blocked.value.has(about);
  useEffect(() => {
    if (presence.value[about]) return; // it is watched
    one?.online([about]).then((found) => (presence.value = { ...presence.value, ...found }), () => {}); // it is not shown
  }, [about]);
  const note = seen?.online ? t("online") : seen?.lastSeen ? t("lastSeen", short(seen.lastSeen)) : "";

  async function turn() {
    setBusy(true);
    try {
      await (isBlocked ? one?.unblock(about) : one?.block(about));
      setError("");
    } catch (refusal) {
      setError(/** @type {Error} */ (refusal).message);
    }
    setBusy(false);
  }

  return html`<div class="person">
      <${Face} of=${about} size="large" />
      <h2 id="dialog-title">${nameOf(about)}</h2>
      <p class="quiet">${about}${profile?.bot ? ` · ${t("bot")}` : ""}${note && ` · ${note}`}</p>
      ${profile?.status && html`<p>${profile.status}</p>`}
    </div>
    <p class="error" role="alert">${error}</p>
    <div class="stack">
      ${about === one?.userID
        ? html`<button onClick=${() => show("profile")}>${t("editProfile")}</button>`
        : html`<button class="primary" onClick=${() => (choose(one?.conversationWith(about) ?? null), close())}>${t("writeTo")}</button>
            ${isBlocked && html`<p class="quiet">${t("blockedHint")}</p>`}
            <button class=${isBlocked ? "" : "danger"} disabled=${busy} onClick=${turn}>${t(isBlocked ? "unblock" : "block")}</button>`}
    </div>`;
}

/** Who sees whether one is online, and the word for it. */
const AUDIENCES = /** @type {const} */ ([["everybody", "everybodySees"], ["contacts", "contactsSee"], ["nobody", "nobodySees"]]);

/** Oneself: what others are shown. */
export function OwnProfile() {
  const [picture, setPicture] = useState(/** @type {import("./portrait.js").Chosen} */ (undefined));
  const [own, setOwn] = useState(/** @type {import("../sdk/types.js").OwnProfile|null} */ (null));
  const [error, setError] = useState("");
  useEffect(() => {
    client.value?.ownProfile().then(setOwn, (/** @type {Error} */ refusal) => setError(refusal.message));
  }, []);

  /** @param {FormData} form */
  async function work(form) {
    const said = (/** @type {string} */ name) => String(form.get(name)).trim();
    const presence = /** @type {import("../sdk/types.js").OwnProfile["presence"]} */ (said("presence"));
    if (picture) await client.value?.setAvatar(picture);
    const avatar = picture === null ? "" : undefined;
    await client.value?.setProfile({ displayName: said("displayName"), avatar, status: said("status"), presence });
    close();
  }

  if (own === null) return html`<h2 id="dialog-title">${t("profile")}</h2><p class="error" role="alert">${error}</p>`;
  return html`<${Form} title=${t("profile")} action=${t("save")} work=${work}>
    <${Portrait} face=${(/** @type {boolean} */ bare) => html`<${Face} of=${own.userID} size="large" bare=${bare} />`} has=${Boolean(own.avatar)} chosen=${picture} choose=${setPicture} />
    <p class="quiet centred">${own.userID}</p>
    <label>${t("displayName")}<input name="displayName" maxlength="100" value=${own.displayName ?? ""} autofocus /></label>
    <label>${t("about")}<input name="status" maxlength="200" value=${own.status ?? ""} /></label>
    <label>${t("presence")}<select name="presence">
      ${AUDIENCES.map(([who, word]) => html`<option key=${who} value=${who} selected=${own.presence === who}>${t(word)}</option>`)}
    </select></label>
  <//>`;
}

/** Whom one has blocked. */
export function Blocked() {
  const [error, setError] = useState("");
  const names = [...blocked.value];
  /** @param {string} userID */
  const unblock = (userID) =>
    client.value?.unblock(userID).then(() => setError(""), (/** @type {Error} */ refusal) => setError(refusal.message));
  return html`<h2 id="dialog-title">${t("blockedPeople")}</h2>
    <p class="error" role="alert">${error}</p>
    ${!names.length && html`<p class="quiet">${t("nobodyBlocked")}</p>`}
    <ul class="members">
      ${names.map(
        (userID) => html`<li key=${userID}>
          <${Face} of=${userID} size="small" />
          <span class="grow"><${Name} of=${userID} /></span>
          <button class="plain small" aria-label=${t("unblockThat", nameOf(userID))} onClick=${() => unblock(userID)}>${t("unblock")}</button>
        </li>`,
      )}
    </ul>`;
}

/** A name, and the user id where that is another. @param {{of: string}} props */
export function Name({ of }) {
  const name = nameOf(of);
  return html`${name}${name !== of && html` <small class="quiet">${of}</small>`}`;
}
