/** What opens above the page: a new conversation, a new group, its members, the settings. */

import { language, speak, t } from "./i18n.js";
import { choose, client, current, open, signOut } from "./state.js";
import { html, signal, useEffect, useRef, useState } from "./ui.js";

/** @type {import("./ui.js").Signal<keyof typeof KINDS|null>} */
const shown = signal(null);

/** What the dialog is about. @type {any} */
let subject = null;

/** @param {"chat"|"group"|"members"|"settings"|"edit"} kind @param {any} [about] */
export function show(kind, about = null) {
  subject = about;
  shown.value = kind;
}

function close() {
  shown.value = null;
}

const KINDS = { chat: NewChat, group: NewGroup, members: Members, settings: Settings, edit: Edit };

export function Dialogs() {
  const element = useRef(/** @type {HTMLDialogElement|null} */ (null));
  const kind = shown.value;
  useEffect(() => {
    if (kind !== null) element.current?.showModal();
  }, [kind]);
  return (
    kind !== null &&
    html`<dialog ref=${element} onClose=${close} aria-labelledby="dialog-title">
      <button class="icon corner" aria-label=${t("close")} onClick=${close}>×</button>
      <${KINDS[kind]} />
    </dialog>`
  );
}

/**
 * A form of a dialog: its work may be refused, and says so.
 *
 * @param {{title: string, action: string, work: (form: FormData) => Promise<void>, children?: any}} props
 */
function Form({ title, action, work, children }) {
  const [error, setError] = useState("");
  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    try {
      await work(new FormData(/** @type {HTMLFormElement} */ (event.target)));
    } catch (refusal) {
      setError(/** @type {Error} */ (refusal).message);
    }
  }
  return html`<form onSubmit=${submit}>
    <h2 id="dialog-title">${title}</h2>
    ${children}
    <p class="error" role="alert">${error}</p>
    <div class="buttons">
      <button type="button" class="plain" onClick=${close}>${t("cancel")}</button>
      <button class="primary">${action}</button>
    </div>
  </form>`;
}

function NewChat() {
  /** @param {FormData} form */
  async function work(form) {
    choose(client.value?.conversationWith(String(form.get("user")).trim()) ?? null);
    close();
  }
  return html`<${Form} title=${t("newChat")} action=${t("start")} work=${work}>
    <label>${t("startWith")}<input name="user" required maxlength="50" autocapitalize="none" autofocus /></label>
  <//>`;
}

function Edit() {
  /** @param {FormData} form */
  async function work(form) {
    await client.value?.edit(subject.serverMsgID, String(form.get("text")).trim());
    close();
  }
  return html`<${Form} title=${t("edit")} action=${t("save")} work=${work}>
    <label>${t("newText")}<textarea name="text" required rows="4" maxlength="5000" autofocus>${subject.content}</textarea></label>
  <//>`;
}

function NewGroup() {
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

function Members() {
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

function Settings() {
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
