/** Who is in a group: looked for, shown in pieces, and managed. */

import { show } from "./dialog.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";
import { Face, knownName, nameOf } from "./people.js";
import { Name } from "./person.js";
import { attempt, client, open } from "./state.js";
import { html, useEffect, useState } from "./ui.js";

/** Seconds for which a member is muted from here. */
const MUTED = 3600;
/** Members of a page while one is looked for; what is found at most; and members from which on there is a field for it. */
const PAGE = 1000;
const OFFERED = 50;
const MANY = 12;
/** Milliseconds after the last key until it is looked for. */
const PAUSE = 250;

/**
 * @typedef {import("../sdk/types.js").Member} Member
 * @typedef {(work: () => Promise<any>|undefined) => Promise<void>} After does something, and reads the group anew
 */

/** @param {{group: any, after: After, more: () => Promise<void>}} props */
export function MemberList({ group, after, more }) {
  const [part, setPart] = useState("");
  const found = useFound(group, part);
  const shown = found ? found.members : group.members;
  return html`<h3>${t("members")}</h3>
    ${(group.large || group.members.length > MANY) &&
    html`<label>${t("find")}<input type="search" maxlength="100" value=${part} onInput=${(/** @type {any} */ event) => setPart(event.target.value.trim())} /></label>`}
    <p class="quiet found" role="status">${found && (found.whole ? !shown.length && t("nothingFound") : t("lookedThrough", found.looked))}</p>
    <ul class="members">
      ${shown.map((/** @type {Member} */ member) => html`<${One} key=${member.userID} member=${member} groupID=${group.groupID} after=${after} />`)}
    </ul>
    ${!found && group.nextAfter && html`<button onClick=${() => attempt(more())}>${t("showMore")}</button>`}`;
}

/**
 * Members whose names have a part; null while none is looked for. Those of a large group are read page by page.
 *
 * @param {any} group
 * @param {string} part
 */
function useFound(group, part) {
  const [found, setFound] = useState(/** @type {{members: Member[], looked: number, whole: boolean}|null} */ (null));
  useEffect(() => {
    if (!part) return setFound(null);
    let ended = false;
    const start = part.toLowerCase();
    const fits = (/** @type {Member} */ { userID }) => [userID, knownName(userID)].some((name) => name.toLowerCase().includes(start));
    async function look() {
      if (!group.large) return setFound({ members: group.members.filter(fits), looked: group.members.length, whole: true });
      /** @type {Member[]} */
      const members = [];
      let looked = 0;
      /** @type {string|null|undefined} */
      let next;
      do {
        const page = await client.value?.members(group.groupID, next ?? undefined, PAGE);
        if (ended || !page) return;
        looked += page.members.length;
        members.push(...page.members.filter(fits));
        next = page.nextAfter;
        setFound({ members: members.slice(0, OFFERED), looked, whole: !next });
      } while (next && members.length < OFFERED);
    }
    const timer = setTimeout(() => attempt(look()), PAUSE);
    return () => ((ended = true), clearTimeout(timer));
  }, [part, group]);
  return found;
}

/** @param {{member: Member, groupID: string, after: After}} props */
function One({ member, groupID, after }) {
  const { userID, role } = member;
  const one = client.value;
  const mine = open.value?.role;
  const acts = userID !== one?.userID && role !== "owner" && (mine === "owner" || (mine === "admin" && role === "member"));
  const mutedUntil = member.mutedUntil ?? 0;
  const muted = mutedUntil > Date.now();
  /** @param {keyof typeof import("./i18n.js").WORDS} word @param {() => Promise<any>|undefined} work @param {string} [looks] */
  const item = (word, work, looks = "plain small") => html`<button class=${looks} onClick=${() => after(work)}>${t(word)}</button>`;
  const word = role === "owner" || role === "admin" ? role : "member";
  const line = html`<${Face} of=${userID} size="small" />
    <span class="grow"><${Name} of=${userID} /></span><small class="quiet">${muted ? t("muted", clock(mutedUntil)) : t(word)}</small>`;
  if (!acts) return html`<li><button class="line-button" onClick=${() => show("person", userID)}>${line}</button></li>`;
  return html`<li class="acts">
    <details>
      <summary aria-label=${t("manage", nameOf(userID))}>${line}</summary>
      <button class="plain small" onClick=${() => show("person", userID)}>${t("profile")}</button>
      ${mine === "owner" && (role === "admin" ? item("makeMember", () => one?.addMember(groupID, userID, "member")) : item("makeAdmin", () => one?.addMember(groupID, userID, "admin")))}
      ${mine === "owner" && item("makeOwner", () => one?.transferGroup(groupID, userID))}
      ${muted ? item("unmute", () => one?.muteMember(groupID, userID, 0)) : item("mute", () => one?.muteMember(groupID, userID, MUTED))}
      ${item("removeMember", () => one?.removeMember(groupID, userID), "plain small danger")}
      ${item("ban", () => one?.ban(groupID, userID), "plain small danger")}
    </details>
  </li>`;
}
