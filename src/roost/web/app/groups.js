/** Dialogs of groups: a new one, and who is in it. */

import { close, Form } from "./dialog.js";
import { t } from "./i18n.js";
import { choose, client, current, open } from "./state.js";
import { html, useEffect, useState } from "./ui.js";

export function NewGroup() {
  /** @param {FormData} form */
  async function work(form) {
    const members = String(form.get("members")).split(/[\s,]+/).filter(Boolean);
    const made = await client.value?.createGroup(String(form.get("name")).trim(), members);
    choose(`g:${made.groupID}`);
    close();
  }
  return html`<${Form} title=${t("newGroup")} action=${t("create")} work=${work}>
    <label>${t("groupName")}<input name="name" required maxlength="100" autofocus /></label>
    <label>${t("groupMembers")}<input name="members" autocapitalize="none" /></label>
  <//>`;
}

export function Members() {
  const groupID = (current.value ?? "").slice(2);
  const [group, setGroup] = useState(/** @type {any} */ (null));
  const [error, setError] = useState("");
  useEffect(() => {
    client.value?.group(groupID).then(setGroup, (/** @type {Error} */ refusal) => setError(refusal.message));
  }, [groupID]);
  const manages = open.value?.role === "owner" || open.value?.role === "admin";

  /** @param {Promise<any>|undefined} work */
  async function after(work) {
    await work;
    setGroup(await client.value?.group(groupID));
  }

  return html`<${Form}
    title=${t("members")}
    action=${manages ? t("addMember") : t("close")}
    work=${async (/** @type {FormData} */ form) => {
      const user = String(form.get("user") ?? "").trim();
      if (user) await after(client.value?.addMember(groupID, user));
      else close();
    }}
  >
    ${error && html`<p class="error">${error}</p>`}
    <ul class="members">
      ${group?.members.map(
        (/** @type {any} */ member) => html`<li key=${member.userID}>
          <span class="grow">${member.userID}</span><small class="quiet">${member.role}</small>
          ${manages &&
          member.role !== "owner" &&
          html`<button
            type="button"
            class="icon"
            aria-label=${t("remove", member.userID)}
            onClick=${() => after(client.value?.removeMember(groupID, member.userID)).catch((refusal) => setError(refusal.message))}
          >
            ×
          </button>`}
        </li>`,
      )}
    </ul>
    ${manages && html`<label>${t("addMember")}<input name="user" maxlength="50" autocapitalize="none" /></label>`}
    ${open.value?.role !== "owner" &&
    html`<button
      type="button"
      class="plain danger"
      onClick=${() => client.value?.leaveGroup(groupID).then(close, (/** @type {Error} */ refusal) => setError(refusal.message))}
    >
      ${t("leave")}
    </button>`}
  <//>`;
}
