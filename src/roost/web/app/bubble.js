/** A message on the page: one that was sent, and one that waits in the outbox. */

import { Carried, Leaving } from "./files.js";
import { clock, day, hue, moment, sameDay } from "./format.js";
import { t } from "./i18n.js";
import { show } from "./dialog.js";
import { Actions, toggle } from "./menu.js";
import { Face, nameOf } from "./people.js";
import { client, emptied, summary, target } from "./state.js";
import { Picture } from "./stickers.js";
import { html, useEffect, useState } from "./ui.js";

/** Milliseconds within which messages of one person stand together. */
const TOGETHER = 300_000;

/**
 * @typedef {import("../sdk/types.js").Message} Message
 * @typedef {import("../sdk/types.js").Unsent} Unsent
 */

/** @param {{message: Message, before?: Message, divider: number|null, got: {delivered: number, read: number}}} props */
export function Bubble({ message, before, divider, got }) {
  const own = message.senderID === client.value?.userID;
  const newDay = !before || !sameDay(before.serverTime, message.serverTime);
  const follows = !newDay && before?.senderID === message.senderID && message.serverTime - before.serverTime < TOGETHER;
  const news = divider !== null && message.conversationSeq > divider && (before?.conversationSeq ?? 0) <= divider;
  const group = message.conversationID.startsWith("g:");
  return html`
    ${newDay && html`<p class="day"><span>${day(message.serverTime)}</span></p>`}
    ${news && html`<p class="news"><span>${t("newMessages")}</span></p>`}
    <article class=${`message${own ? " own" : ""}${follows ? " follows" : ""}`} data-key=${message.serverMsgID} tabindex="-1">
      ${group && !own && !follows && html`<button class="plain author ${hue(message.senderID)}" onClick=${() => show("person", message.senderID)}><${Face} of=${message.senderID} size="tiny" />${nameOf(message.senderID)}</button>`}
      ${message.recallTime
        ? html`<div class="bubble quiet">${emptied(message)}</div>`
        : html`<div class=${looks(message)}><${Body} message=${message} /></div>`}
      <${Reactions} message=${message} />
      <footer>
        ${message.pinned ? html`<span class="pinned">${t("pinned")}</span>` : ""}
        ${message.ttl && !message.recallTime ? html`<${Expires} at=${message.serverTime + 1000 * message.ttl} />` : ""}
        ${message.editTime ? html`<span>${t("edited")}</span>` : ""}
        <time datetime=${new Date(message.serverTime).toISOString()}>${clock(message.serverTime)}</time>
        ${own && html`<${Tick} seq=${message.conversationSeq} got=${got} />`}
        ${!message.recallTime && html`<${Actions} message=${message} />`}
      </footer>
    </article>
  `;
}

/** When it will be gone. @param {{at: number}} props */
function Expires({ at }) {
  return html`<span class="expires">${t("disappears", sameDay(at, Date.now()) ? clock(at) : moment(at))}</span>`;
}

/** What became of one's own message: on the server, on a device of everybody, read by everybody. @param {{seq: number, got: {delivered: number, read: number}}} props */
function Tick({ seq, got }) {
  if (seq <= got.read) return html`<span class="mark read" role="img" aria-label=${t("read")}>✓✓</span>`;
  if (seq <= got.delivered) return html`<span class="mark" role="img" aria-label=${t("delivered")}>✓✓</span>`;
  return html`<span class="mark" role="img" aria-label=${t("sent")}>✓</span>`;
}

/** Where it is from, what it answers, and its text. @param {{message: Message|Unsent}} props */
function Body({ message }) {
  const from = "forwardedFrom" in message ? message.forwardedFrom : undefined;
  return html`${from && html`<small class="from">${t("forwardedFrom", nameOf(from.senderID))}</small>`}${
    message.replyTo && html`<${Quote} of=${message.replyTo} />`
  }${"attachments" in message && message.attachments?.length ? html`<${Carried} files=${message.attachments} />` : ""}${
    "files" in message && message.files?.length ? html`<${Leaving} messageID=${message.messageID} files=${message.files} />` : ""
  }${message.sticker ? html`<${Picture} of=${message.sticker} />` : message.content && html`<span class="words">${words(message)}</span>`}`;
}

/** The message that is answered; a click goes there. @param {{of: string}} props */
function Quote({ of }) {
  const [quoted, setQuoted] = useState(/** @type {Message|null|undefined} */ (undefined));
  useEffect(() => {
    client.value?.message(of).then((found) => setQuoted(found ?? null), () => setQuoted(null));
  }, [of]);
  if (!quoted) return html`<span class="quote quiet">${quoted === null ? t("earlierMessage") : "…"}</span>`;
  const text = summary(quoted);
  return html`<button class="quote" aria-label=${t("inReplyTo", nameOf(quoted.senderID), text)} onClick=${() => (target.value = quoted)}>
    <b class=${hue(quoted.senderID)}>${nameOf(quoted.senderID)}</b><span>${text}</span>
  </button>`;
}

/** The text, with those who are mentioned made out. @param {Message|Unsent} message */
function words({ content, mentions }) {
  if (!mentions?.length) return content;
  const names = mentions.map((name) => (name.startsWith("@") ? name : `@${name}`));
  const pattern = new RegExp(`(${names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})(?![\\w@-])`);
  return content.split(pattern).map((part) => (names.includes(part) ? html`<b class="mention">${part}</b>` : part));
}

/** @param {Message|Unsent} message */
function looks(message) {
  return `bubble${message.sticker ? " bare" : ""}${"senderID" in message && mentionsMe(message) ? " called" : ""}`;
}

/** @param {Message} message */
function mentionsMe({ mentions, senderID }) {
  const me = client.value?.userID ?? "";
  return senderID !== me && (mentions?.includes(me) || mentions?.includes("@all"));
}

/** @param {{message: Message}} props */
function Reactions({ message }) {
  const all = Object.entries(message.reactions ?? {});
  if (!all.length) return null;
  const me = client.value?.userID ?? "";
  return html`<div class="reactions">
    ${all.map(
      ([emoji, users]) => html`<button
        key=${emoji}
        class=${users.includes(me) ? "plain small mine" : "plain small"}
        title=${t("reactions", emoji, users.map(nameOf).join(", "))}
        aria-label=${t("reactions", emoji, users.map(nameOf).join(", "))}
        aria-pressed=${users.includes(me)}
        onClick=${() => toggle(message, emoji)}
      >
        ${emoji} ${users.length}
      </button>`,
    )}
  </div>`;
}

/** @param {{one: Unsent}} props */
export function Waiting({ one }) {
  const failed = one.state === "failed";
  return html`<article class=${failed ? "message own failed" : "message own"} data-key=${one.messageID}>
    <div class=${looks(one)}><${Body} message=${one} /></div>
    <footer>
      ${failed
        ? html`<span class="error">${t("failed", one.error ?? "")}</span>
            <button class="plain small" onClick=${() => client.value?.retry(one.messageID)}>${t("retry")}</button>
            <button class="plain small" onClick=${() => client.value?.discard(one.messageID)}>${t("discard")}</button>`
        : html`<span class="mark" role="img" aria-label=${t("pending")}>◷</span>`}
    </footer>
  </article>`;
}
