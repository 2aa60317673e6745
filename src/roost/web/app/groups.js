/** Dialogs of groups: a new one, who is in it and by which rules, and coming in by invitation. */

import { isFile } from "../sdk/avatars.js";
import { close, Form } from "./dialog.js";
import { t } from "./i18n.js";
import { MemberList } from "./members.js";
import { GroupFace, nameOf } from "./people.js";
import { Name } from "./person.js";
import { Portrait } from "./portrait.js";
import { attempt, choose, client, current, open } from "./state.js";
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
  const role = open.value?.role;
  const manages = role === "owner" || role === "admin";
  const adds = manages || group?.membersInvite;

  /** Does something, and reads the group anew. @param {() => Promise<any>|undefined} work */
  async function after(work) {
    try {
      await work();
      const found = await client.value?.group(groupID);
      // Of a large group only oneself is told: the others come in pages.
      setGroup(found?.large ? { ...found, ...(await client.value?.members(groupID)) } : found);
      setError("");
    } catch (refusal) {
      setError(/** @type {Error} */ (refusal).message);
    }
  }
  useEffect(() => void after(() => Promise.resolve()), [groupID]);

  async function more() {
    const page = await client.value?.members(groupID, group.nextAfter);
    if (page) setGroup({ ...group, ...page, members: [...group.members, ...page.members] });
  }

  /** @param {SubmitEvent} event */
  function add(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const user = String(new FormData(form).get("user")).trim();
    void after(async () => (await client.value?.addMember(groupID, user), form.reset()));
  }

  return html`<div class="person">
      ${group && html`<${GroupFace} title=${group.name ?? groupID} avatar=${group.avatar} size="large" />`}
      <h2 id="dialog-title">${group?.name ?? t("members")}</h2>
    </div>
    ${group?.description && html`<p class="quiet">${group.description}</p>`}
    <p class="error" role="alert">${error}</p>
    ${manages && group && html`<${Rules} group=${group} after=${after} />`}
    ${group && html`<${MemberList} group=${group} after=${after} more=${more} />`}
    ${adds &&
    html`<form class="beside" onSubmit=${add}>
        <label class="grow">${t("addMember")}<input name="user" required maxlength="50" autocapitalize="none" /></label>
        <button class="primary">${t("add")}</button>
      </form>
      <${Invitation} groupID=${groupID} />`}
    ${manages && html`<${Bans} groupID=${groupID} group=${group} after=${after} />`}
    <${Going} role=${role} groupID=${groupID} />`;
}

/** @typedef {import("./members.js").After} After */

/** The ways out, behind a fold: they can't be taken back. @param {{role: string|undefined, groupID: string}} props */
function Going({ role, groupID }) {
  const [error, setError] = useState("");
  /** @param {Promise<any>|undefined} work */
  const go = (work) => work?.then(close, (/** @type {Error} */ refusal) => setError(refusal.message));
  return html`<details class="going">
    <summary>${t(role === "owner" ? "leaveOrDissolve" : "leave")}</summary>
    <p class="quiet">${t(role === "owner" ? "ownerLeaves" : "leaveHint")}</p>
    <p class="error" role="alert">${error}</p>
    <div class="buttons">
      <button class="danger" onClick=${() => go(client.value?.leaveGroup(groupID))}>${t("leaveNow")}</button>
      ${role === "owner" && html`<button class="danger" onClick=${() => go(client.value?.dissolveGroup(groupID))}>${t("dissolve")}</button>`}
    </div>
  </details>`;
}

/** The settings, for those who manage. @param {{group: any, after: After}} props */
function Rules({ group, after }) {
  const [picture, setPicture] = useState(/** @type {import("./portrait.js").Chosen} */ (undefined));
  /** @param {SubmitEvent} event */
  function submit(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const [name, description] = [String(form.get("name")).trim(), String(form.get("description")).trim()];
    const rules = { announcementOnly: form.has("announcementOnly"), membersInvite: form.has("membersInvite") };
    void after(async () => {
      if (picture) await client.value?.setGroupAvatar(group.groupID, picture);
      const avatar = picture === null ? "" : undefined;
      await client.value?.changeGroup(group.groupID, { name, description, avatar, ...rules });
      setPicture(undefined);
    });
  }
  const face = (/** @type {boolean} */ bare) => html`<${GroupFace} title=${group.name ?? group.groupID} avatar=${bare ? undefined : group.avatar} size="large" />`;
  return html`<details>
    <summary>${t("groupSettings")}</summary>
    <form onSubmit=${submit}>
      <${Portrait} face=${face} has=${Boolean(group.avatar)} chosen=${picture} choose=${setPicture} />
      <label>${t("groupName")}<input name="name" required maxlength="100" value=${group.name} /></label>
      <label>${t("description")}<input name="description" maxlength="500" value=${group.description ?? ""} /></label>
      <label class="choice"><input type="checkbox" name="announcementOnly" checked=${group.announcementOnly} />${t("announcementOnly")}</label>
      <label class="choice"><input type="checkbox" name="membersInvite" checked=${group.membersInvite} />${t("membersInvite")}</label>
      <div class="buttons"><button class="primary">${t("save")}</button></div>
    </form>
  </details>`;
}

/** A link that lets others in. @param {{groupID: string}} props */
function Invitation({ groupID }) {
  const [link, setLink] = useState("");
  async function make() {
    const made = await client.value?.invite(groupID);
    if (made) setLink(`${location.origin}/#join:${made.token}`);
  }
  if (!link) return html`<button onClick=${() => attempt(make())}>${t("invite")}</button>`;
  return html`<label>${t("inviteLink")}<input readonly value=${link} onFocus=${(/** @type {any} */ event) => event.target.select()} /></label>
    <button onClick=${() => void navigator.clipboard?.writeText(link)}>${t("copyLink")}</button>`;
}

/** Who is kept out. @param {{groupID: string, group: any, after: After}} props */
function Bans({ groupID, group, after }) {
  const [bans, setBans] = useState(/** @type {any[]} */ ([]));
  useEffect(() => {
    client.value?.bans(groupID).then(setBans, () => setBans([]));
  }, [group]);
  if (!bans.length) return null;
  return html`<h3>${t("bans")}</h3>
    <ul class="members">
      ${bans.map(
        ({ userID }) => html`<li key=${userID}>
          <span class="grow"><${Name} of=${userID} /></span>
          <button class="plain small" aria-label=${t("unbanThat", nameOf(userID))} onClick=${() => after(() => client.value?.unban(groupID, userID))}>${t("unban")}</button>
        </li>`,
      )}
    </ul>`;
}

/** Where an invitation leads. @param {{about: string}} props */
export function Join({ about }) {
  const [group, setGroup] = useState(/** @type {any} */ (null));
  const [picture, setPicture] = useState("");
  const [error, setError] = useState("");
  useEffect(() => {
    let made = "";
    async function look() {
      const found = await client.value?.invitation(about);
      setGroup(found);
      const blob = isFile(found.avatar) && (await client.value?.avatarOfInvitation(about));
      if (blob) setPicture((made = URL.createObjectURL(blob)));
    }
    look().catch((/** @type {Error} */ refusal) => setError(refusal.message));
    return () => URL.revokeObjectURL(made);
  }, [about]);
  async function work() {
    const joined = await client.value?.join(about);
    choose(`g:${joined.groupID}`);
    close();
  }
  if (error) return html`<h2 id="dialog-title">${t("join")}</h2><p class="error" role="alert">${error}</p>`;
  return html`<${Form} title=${group ? t("joinThat", group.name) : t("join")} action=${t("join")} work=${work}>
    ${picture && html`<div class="person"><span class="face large" aria-hidden="true"><img src=${picture} alt="" /></span></div>`}
    ${group?.description && html`<p class="quiet">${group.description}</p>`}
  <//>`;
}
