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
  /** Counts the jumps: what was begun before one, and ends after it, is of another place. */
  const jumps = useRef(0);

  /** @param {View} next @param {Place} [place] */
  function put(next, place = anchor(log.current, shown.current)) {
    keep.current = place;
    shown.current = next;
    setView(next);
  }

  /** @returns {Promise<void>} */
  async function refresh() {
    const one = client.value;
    if (one === null) return;
    const before = shown.current;
    const begun = jumps.current;
    const next = before && !before.latest ? await renewed(one, id, before) : await newest(one, id, before);
    if (begun !== jumps.current) return refresh();
    put(next);
  }

  /** @param {"older"|"newer"} way */
  async function load(way) {
    const one = client.value;
    const now = shown.current;
    if (busy.current || !one || !now?.messages.length) return;
    const begun = jumps.current;
    busy.current = true;
    try {
      if (way === "older") {
        const older = await one.history(id, { before: now.messages[0].conversationSeq, limit: PIECE });
        if (begun !== jumps.current) return;
        const all = [...older, ...now.messages];
        if (older.length) put({ ...now, messages: all.slice(0, MOST), latest: now.latest && all.length <= MOST });
      } else if (!now.latest) {
        const newer = await one.newer(id, now.messages[now.messages.length - 1].conversationSeq, PIECE);
        if (begun === jumps.current) put({ ...now, messages: [...now.messages, ...newer].slice(-MOST), latest: newer.length < PIECE });
      }
    } finally {
      busy.current = false;
    }
  }

  async function toEnd() {
    const one = client.value;
    if (one !== null) land(await newest(one, id, null), "end");
  }

  /** @param {View} next @param {Place} place */
  function land(next, place) {
    jumps.current += 1;
    put(next, place);
  }

  /** Shows a message in the middle, with what is round it. @param {{serverMsgID: string, conversationSeq: number}} target */
  async function jumpTo(target) {
    const one = client.value;
    if (one === null) return;
    const height = log.current?.clientHeight ?? 0;
    const place = { key: target.serverMsgID, top: (log.current?.getBoundingClientRect().top ?? 0) + height / 3 };
    const here = shown.current?.messages.some((message) => message.serverMsgID === target.serverMsgID);
    if (shown.current && here) return land({ ...shown.current }, place);
    const [messages, unsent, conversation] = await Promise.all([
      one.history(id, { before: target.conversationSeq + PIECE / 2, limit: PIECE }),
      one.unsent(id),
      one.conversation(id),
    ]);
    const last = messages[messages.length - 1]?.conversationSeq ?? 0;
    land({ messages, unsent, latest: last >= (conversation?.lastSeq ?? 0), error: "" }, place);
  }

  /** @param {Error} error */
  const fail = (error) => put({ messages: [], unsent: [], latest: true, error: error.message }, "end");
  return { view, shown, keep, refresh, load, toEnd, jumpTo, fail };
}

/**
 * The end of the conversation, with as much of it as there was.
 *
 * @param {import("../sdk/client.js").Client} one
 * @param {string} id
 * @param {View|null} before
 * @returns {Promise<View>}
 */
async function newest(one, id, before) {
  const limit = Math.min(MOST, Math.max(PIECE, before ? before.messages.length + 1 : 0));
  const [messages, unsent] = await Promise.all([one.history(id, { limit }), one.unsent(id)]);
  return { messages, unsent, latest: true, error: "" };
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
