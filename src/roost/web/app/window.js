/**
 * The part of a conversation that is on the page: scrolling up loads what is older and lets the newest go, and the
 * other way round, so what is drawn does not grow with the conversation.
 */

import { client } from "./state.js";
import { useRef, useState } from "./ui.js";

/** Messages loaded at a time, and on the page at most. */
const PIECE = 50;
const MOST = 250;
/** Pixels within which somebody counts as being at the end. */
const AT_END = 60;

/**
 * @typedef {import("../sdk/types.js").Message} Message
 * @typedef {import("../sdk/types.js").Unsent} Unsent
 * @typedef {{messages: Message[], unsent: Unsent[], latest: boolean, error: string}} View
 * @typedef {{key: string, top: number}|"end"} Place what has to stay where it is: the end, or a message
 */

/**
 * @param {string} id of the conversation
 * @param {{current: HTMLElement|null}} log the element that scrolls
 */
export function useWindow(id, log) {
  const [view, setView] = useState(/** @type {View|null} */ (null));
  const shown = useRef(/** @type {View|null} */ (null));
  const keep = useRef(/** @type {Place} */ ("end"));
  const busy = useRef(false);

  /** @param {View} next @param {Place} [place] */
  function put(next, place = anchor(log.current, shown.current)) {
    keep.current = place;
    shown.current = next;
    setView(next);
  }

  async function refresh() {
    const one = client.value;
    if (one === null) return;
    const before = shown.current;
    if (before && !before.latest) return put(await renewed(one, id, before));
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

  async function toEnd() {
    shown.current = null;
    await refresh();
    if (shown.current) put(shown.current, "end");
  }

  /** Shows a message in the middle, with what is round it. @param {{serverMsgID: string, conversationSeq: number}} target */
  async function jumpTo(target) {
    const one = client.value;
    if (one === null) return;
    const height = log.current?.clientHeight ?? 0;
    const place = { key: target.serverMsgID, top: (log.current?.getBoundingClientRect().top ?? 0) + height / 3 };
    const here = shown.current?.messages.some((message) => message.serverMsgID === target.serverMsgID);
    if (shown.current && here) return put({ ...shown.current }, place);
    const [messages, unsent, conversation] = await Promise.all([
      one.history(id, { before: target.conversationSeq + PIECE / 2, limit: PIECE }),
      one.unsent(id),
      one.conversation(id),
    ]);
    const last = messages[messages.length - 1]?.conversationSeq ?? 0;
    put({ messages, unsent, latest: last >= (conversation?.lastSeq ?? 0), error: "" }, place);
  }

  /** @param {Error} error */
  const fail = (error) => put({ messages: [], unsent: [], latest: true, error: error.message }, "end");
  return { view, shown, keep, refresh, load, toEnd, jumpTo, fail };
}

/**
 * The same messages in their state of now.
 *
 * @param {import("../sdk/client.js").Client} one
 * @param {string} id
 * @param {View} before
 */
async function renewed(one, id, before) {
  const first = before.messages[0]?.conversationSeq ?? 1;
  const [messages, unsent] = await Promise.all([one.newer(id, first - 1, before.messages.length), one.unsent(id)]);
  return { ...before, messages: messages.length === before.messages.length ? messages : before.messages, unsent };
}

/** @param {HTMLElement} element */
export function atEnd(element) {
  return element.scrollHeight - element.scrollTop - element.clientHeight < AT_END;
}

/**
 * What has to stay where it is when the messages change: the end, or the first message in sight.
 *
 * @param {HTMLElement|null} element
 * @param {View|null} view
 * @returns {Place}
 */
export function anchor(element, view) {
  if (!element || !view || (view.latest && atEnd(element))) return "end";
  const top = element.getBoundingClientRect().top;
  for (const child of element.querySelectorAll("article")) {
    const at = child.getBoundingClientRect();
    if (at.bottom > top) return { key: child.dataset.key ?? "", top: at.top };
  }
  return "end";
}

/** @param {HTMLElement|null} element @param {Place} keep */
export function restore(element, keep) {
  if (!element) return;
  if (keep === "end") {
    element.scrollTop = element.scrollHeight;
    return;
  }
  const child = element.querySelector(`[data-key="${CSS.escape(keep.key)}"]`);
  if (child) element.scrollTop += child.getBoundingClientRect().top - keep.top;
}
