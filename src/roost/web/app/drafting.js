/** What one has begun to write: kept while it is typed, and shown as it is on one's other devices. */

import { client } from "./state.js";
import { html, signal, useEffect, useRef } from "./ui.js";
import { t } from "./i18n.js";

/** Milliseconds after the last key until it is kept. */
const PAUSE = 500;

/** What was begun, by conversation. @type {import("./ui.js").Signal<Record<string, string>>} */
const drafts = signal({});

/** Somebody has signed in. @param {import("../sdk/client.js").Client} made */
export async function resumeDrafts(made) {
  const read = async () => {
    drafts.value = Object.fromEntries((await made.drafts()).map(({ conversationID, content }) => [conversationID, content]));
  };
  made.on("draft", ({ conversationID, content }) => (drafts.value = { ...drafts.value, [conversationID]: content }));
  made.on("reset", () => void read());
  await read();
}

/**
 * The draft of a conversation in its field. What another device wrote takes the place of what is there, unless somebody
 * is just writing here.
 *
 * @param {string} id
 * @param {{current: HTMLTextAreaElement|null}} field
 * @param {() => void} redraw the field has another text
 */
export function useDraft(id, field, redraw) {
  /** What is kept, as far as is known here. */
  const kept = useRef("");
  const timer = useRef(0);
  const draft = drafts.value[id] ?? "";

  useEffect(() => {
    const element = field.current;
    if (element === null || draft === kept.current) return;
    if (element.value === kept.current) {
      element.value = draft;
      redraw();
    }
    kept.current = draft;
  }, [id, draft]);

  useEffect(() => {
    const element = field.current;
    return () => {
      if (!timer.current || element === null) return;
      clearTimeout(timer.current);
      save(element.value);
    };
  }, [id]);

  /** @param {string} text */
  function save(text) {
    timer.current = 0;
    kept.current = text;
    client.value?.saveDraft(id, text).catch((error) => console.info("a draft was not kept:", error)); // signed out, say
  }

  function typed() {
    clearTimeout(timer.current);
    timer.current = Number(setTimeout(() => save(field.current?.value ?? ""), PAUSE));
  }

  /** Nothing is begun any more: it is sent. */
  function done() {
    clearTimeout(timer.current);
    save("");
  }

  return { typed, done };
}

/** What was begun in a conversation, in the list; null where nothing was. @param {string} id */
export function begun(id) {
  const text = drafts.value[id];
  return text ? html`<b class="draft">${t("draft")}</b> ${text.slice(0, 140)}` : null;
}
