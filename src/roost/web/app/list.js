/** The conversations, the latest first. */

import { short } from "./format.js";
import { t } from "./i18n.js";
import { Face, GroupFace, nameOf } from "./people.js";
import { begun } from "./drafting.js";
import { choose, client, conversations, current, presence, summary, titleOf, typists } from "./state.js";
import { html, useState } from "./ui.js";

/** Drawn at first, and with each step down: a list of thousands stays quick. */
const PIECE = 60;

export function List() {
  const [shown, setShown] = useState(PIECE);
  const all = conversations.value;
  if (all === null) return html`<div class="list" aria-busy="true"></div>`;
  if (all.length === 0) return html`<div class="list"><p class="quiet pad">${t("noConversations")}</p></div>`;

  /** @param {Event} event */
  function scrolled(event) {
    const { scrollTop, clientHeight, scrollHeight } = /** @type {HTMLElement} */ (event.currentTarget);
    if (scrollTop + 2 * clientHeight > scrollHeight && shown < (conversations.value?.length ?? 0)) setShown(shown + PIECE);
  }

  return html`<ul class="list" onScroll=${scrolled}>
    ${all.slice(0, shown).map((one) => html`<${Row} key=${one.conversationID} one=${one} />`)}
  </ul>`;
}

/** @param {{one: import("../sdk/types.js").Conversation}} props */
function Row({ one }) {
  const title = titleOf(one);
  const other = client.value?.otherOf(one.conversationID) ?? null;
  const here = other !== null && presence.value[other]?.online;
  const typing = Object.keys(typists.value[one.conversationID] ?? {});
  const chosen = one.conversationID === current.value;
  return html`<li>
    <button class=${chosen ? "row chosen" : "row"} aria-current=${chosen} onClick=${() => choose(one.conversationID)}>
      ${other === null ? html`<${GroupFace} title=${title} avatar=${one.settings?.avatar} />` : html`<${Face} of=${other} here=${here} />`}
      <span class="grow">
        <span class="line"><b class="name">${title}</b><time>${one.lastTime ? short(one.lastTime) : ""}</time></span>
        <span class="line">
          <span class="preview">${typing.length ? t("typing", nameOf(typing[0])) : ((!chosen && begun(one.conversationID)) || preview(one))}</span>
          ${(one.mentionSeq ?? 0) > one.readSeq && html`<span class="badge" role="img" aria-label=${t("mentioned")}>@</span>`}
          ${one.unread > 0 &&
          html`<span class=${one.muted ? "badge muted" : "badge"} aria-label=${t("unread", one.unread)}>
            ${one.unread > 999 ? "999+" : one.unread}
          </span>`}
        </span>
      </span>
    </button>
  </li>`;
}

/** @param {import("../sdk/types.js").Conversation} one */
function preview({ lastMessage, conversationID }) {
  if (lastMessage === null) return "";
  const own = lastMessage.senderID === client.value?.userID;
  const who = own ? `${t("you")}: ` : conversationID.startsWith("g:") ? `${nameOf(lastMessage.senderID)}: ` : "";
  return lastMessage.recallTime ? summary(lastMessage) : who + summary(lastMessage);
}
