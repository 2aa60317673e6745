/**
 * The open conversation. A window of it is on the page: scrolling up loads what is older and lets the newest go, and
 * the other way round, so what is drawn does not grow with the conversation.
 */

import { Composer } from "./composer.js";
import { show } from "./dialogs.js";
import { clock, day, hue, initial, sameDay, short } from "./format.js";
import { t } from "./i18n.js";
import { attempt, choose, client, open, presence, refusal, revision, titleOf, typists } from "./state.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";

/** Messages loaded at a time, and on the page at most. */
const PIECE = 50;
const MOST = 250;
/** Pixels from an end at which more is loaded, and within which somebody counts as being at the end. */
const NEAR = 600;
const AT_END = 60;
/** Reactions at hand; others come from other clients, and may be joined. */
const EMOJI = ["👍", "❤️", "😂"];

/**
 * @typedef {import("../sdk/types.js").Message} Message
 * @typedef {import("../sdk/types.js").Unsent} Unsent
 * @typedef {{messages: Message[], unsent: Unsent[], latest: boolean, error: string}} View
 */

/** @param {{id: string}} props */
export function Thread({ id }) {
  /** @type {[View|null, (view: View) => void]} */
  const [view, setView] = useState(/** @type {View|null} */ (null));
  const shown = useRef(/** @type {View|null} */ (null));
  const log = useRef(/** @type {HTMLElement|null} */ (null));
  const keep = useRef(/** @type {{key: string, top: number}|"end"} */ ("end"));
  const divider = useRef(open.value?.unread ? open.value.readSeq : null);
  const busy = useRef(false);

  /** @param {View} next */
  function put(next) {
    keep.current = anchor(log.current, shown.current);
    shown.current = next;
    setView(next);
  }

  async function refresh() {
    const one = client.value;
    if (one === null) return;
    const before = shown.current;
    if (before && !before.latest) return put({ ...before, unsent: await one.unsent(id) });
    const limit = Math.min(MOST, Math.max(PIECE, before ? before.messages.length + 1 : 0));
    const [messages, unsent] = await Promise.all([one.history(id, { limit }), one.unsent(id)]);
    put({ messages, unsent, latest: true, error: "" });
  }

  /** @param {"older"|"newer"} way */
  async function load(way) {
    const one = client.value;
    const now = shown.current;
    if (busy.current || !one || !now?.messages.length) return;
    busy.current = true;
    try {
      if (way === "older") {
        const older = await one.history(id, { before: now.messages[0].conversationSeq, limit: PIECE });
        const all = [...older, ...now.messages];
        if (older.length) put({ ...now, messages: all.slice(0, MOST), latest: now.latest && all.length <= MOST });
      } else if (!now.latest) {
        const newer = await one.newer(id, now.messages[now.messages.length - 1].conversationSeq, PIECE);
        put({ ...now, messages: [...now.messages, ...newer].slice(-MOST), latest: newer.length < PIECE });
      }
    } finally {
      busy.current = false;
    }
  }

  async function jump() {
    shown.current = null;
    await refresh();
    keep.current = "end";
    if (shown.current) setView({ ...shown.current });
  }

  useEffect(() => {
    void refresh().catch((error) => setView({ messages: [], unsent: [], latest: true, error: error.message }));
  }, [id, revision.value]);

  useLayoutEffect(() => restore(log.current, keep.current), [view]);

  useEffect(() => {
    const resized = new ResizeObserver(() => keep.current === "end" && restore(log.current, "end"));
    if (log.current) resized.observe(log.current);
    return () => resized.disconnect();
  }, []);

  useEffect(() => {
    const last = view?.messages[view.messages.length - 1];
    if (!last || !view.latest || document.visibilityState !== "visible" || keep.current !== "end") return;
    void client.value?.markRead(id, last.conversationSeq);
  }, [view]);

  function scrolled() {
    const element = log.current;
    if (!element) return;
    keep.current = anchor(element, shown.current);
    if (element.scrollTop < NEAR) void load("older");
    if (element.scrollHeight - element.scrollTop - element.clientHeight < NEAR) void load("newer");
    const last = shown.current?.messages[shown.current.messages.length - 1];
    if (last && shown.current?.latest && atEnd(element)) void client.value?.markRead(id, last.conversationSeq);
  }

  const away = view !== null && (!view.latest || (log.current !== null && !atEnd(log.current)));
  return html`<section class="thread">
    <${Head} id=${id} />
    <div class="log" ref=${log} role="log" aria-label=${t("messagesOf", titleOf(open.value ?? id))} tabindex="0" onScroll=${scrolled}>
      ${view?.error && html`<p class="error pad">${t("loadFailed", view.error)}</p>`}
      ${view && !view.messages.length && !view.unsent.length && html`<p class="quiet pad">${t("nothingYet")}</p>`}
      ${view?.messages.map((message, index) => {
        const before = view.messages[index - 1];
        return html`<${Bubble} key=${message.serverMsgID} message=${message} before=${before} divider=${divider.current} />`;
      })}
      ${view?.latest && view.unsent.map((one) => html`<${Waiting} key=${one.messageID} one=${one} />`)}
    </div>
    ${away && html`<button class="jump" onClick=${jump}>${t("jump")} ↓</button>`}
    ${refusal.value && html`<p class="error pad" role="alert">${refusal.value}</p>`}
    <${Typing} id=${id} />
    ${open.value?.gone ? html`<p class="quiet pad">${t("gone")}</p>` : html`<${Composer} />`}
  </section>`;
}

/** @param {{id: string}} props */
function Head({ id }) {
  const title = titleOf(open.value ?? id);
  const other = client.value?.otherOf(id) ?? null;
  const seen = other === null ? null : presence.value[other];
  const note = seen?.online ? t("online") : seen?.lastSeen ? t("lastSeen", short(seen.lastSeen)) : "";
  return html`<header class="bar">
    <button class="icon back" aria-label=${t("back")} onClick=${() => choose(null)}>‹</button>
    <span class="face small ${hue(title)}" aria-hidden="true">${initial(title)}</span>
    <span class="grow"><h2>${title}</h2><small class="quiet">${note}</small></span>
    ${other === null &&
    html`<button class="icon" aria-label=${t("members")} title=${t("members")} onClick=${() => show("members")}>⚇</button>`}
  </header>`;
}

/** @param {{message: Message, before?: Message, divider: number|null}} props */
function Bubble({ message, before, divider }) {
  const own = message.senderID === client.value?.userID;
  const newDay = !before || !sameDay(before.serverTime, message.serverTime);
  const follows = !newDay && before?.senderID === message.senderID && message.serverTime - before.serverTime < 300_000;
  const news = divider !== null && message.conversationSeq > divider && (before?.conversationSeq ?? 0) <= divider;
  const group = message.conversationID.startsWith("g:");
  return html`
    ${newDay && html`<p class="day"><span>${day(message.serverTime)}</span></p>`}
    ${news && html`<p class="news"><span>${t("newMessages")}</span></p>`}
    <article class=${`message${own ? " own" : ""}${follows ? " follows" : ""}`} data-key=${message.serverMsgID}>
      ${group && !own && !follows && html`<b class="author ${hue(message.senderID)}">${message.senderID}</b>`}
      <div class=${message.recallTime ? "bubble quiet" : "bubble"}>${message.recallTime ? t("recalled") : message.content}</div>
      <${Reactions} message=${message} />
      <footer>
        ${message.editTime ? html`<span>${t("edited")}</span>` : ""}
        <time datetime=${new Date(message.serverTime).toISOString()}>${clock(message.serverTime)}</time>
        ${own && html`<span class="mark" role="img" aria-label=${t("sent")}>✓</span>`}
        ${!message.recallTime && html`<${Actions} message=${message} own=${own} />`}
      </footer>
    </article>
  `;
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
        title=${t("reactions", emoji, users.join(", "))}
        aria-label=${t("reactions", emoji, users.join(", "))}
        onClick=${() => toggle(message, emoji)}
      >
        ${emoji} ${users.length}
      </button>`,
    )}
  </div>`;
}

/** What can be done with a message: in sight where it is pointed at, or reached by the keyboard. */
function Actions(/** @type {{message: Message, own: boolean}} */ { message, own }) {
  return html`<span class="actions">
    ${EMOJI.map(
      (emoji) => html`<button class="plain small" aria-label=${t("react", emoji)} onClick=${() => toggle(message, emoji)}>${emoji}</button>`,
    )}
    ${own && html`<button class="plain small" onClick=${() => show("edit", message)}>${t("edit")}</button>`}
    ${own && html`<button class="plain small" onClick=${() => attempt(client.value?.recall(message.serverMsgID))}>${t("recall")}</button>`}
  </span>`;
}

/** @param {Message} message @param {string} emoji */
function toggle(message, emoji) {
  const mine = message.reactions?.[emoji]?.includes(client.value?.userID ?? "");
  attempt(mine ? client.value?.unreact(message.serverMsgID, emoji) : client.value?.react(message.serverMsgID, emoji));
}

/** @param {{one: Unsent}} props */
function Waiting({ one }) {
  const failed = one.state === "failed";
  return html`<article class=${failed ? "message own failed" : "message own"} data-key=${one.messageID}>
    <div class="bubble">${one.content}</div>
    <footer>
      ${failed
        ? html`<span class="error">${t("failed", one.error ?? "")}</span>
            <button class="plain small" onClick=${() => client.value?.retry(one.messageID)}>${t("retry")}</button>
            <button class="plain small" onClick=${() => client.value?.discard(one.messageID)}>${t("discard")}</button>`
        : html`<span class="mark" role="img" aria-label=${t("pending")}>◷</span>`}
    </footer>
  </article>`;
}

/** @param {{id: string}} props */
function Typing({ id }) {
  const who = Object.keys(typists.value[id] ?? {});
  return html`<p class="typing" aria-live="polite">${who.length ? t("typing", who.join(", ")) : ""}</p>`;
}

/** @param {HTMLElement} element */
function atEnd(element) {
  return element.scrollHeight - element.scrollTop - element.clientHeight < AT_END;
}

/**
 * What has to stay where it is when the messages change: the end, or the first message in sight.
 *
 * @param {HTMLElement|null} element
 * @param {View|null} view
 * @returns {{key: string, top: number}|"end"}
 */
function anchor(element, view) {
  if (!element || !view || (view.latest && atEnd(element))) return "end";
  const top = element.getBoundingClientRect().top;
  for (const child of element.querySelectorAll("article")) {
    const at = child.getBoundingClientRect();
    if (at.bottom > top) return { key: child.dataset.key ?? "", top: at.top };
  }
  return "end";
}

/** @param {HTMLElement|null} element @param {{key: string, top: number}|"end"} keep */
function restore(element, keep) {
  if (!element) return;
  if (keep === "end") {
    element.scrollTop = element.scrollHeight;
    return;
  }
  const child = element.querySelector(`[data-key="${CSS.escape(keep.key)}"]`);
  if (child) element.scrollTop += child.getBoundingClientRect().top - keep.top;
}
