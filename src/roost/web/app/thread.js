/** The open conversation. */

import { reached } from "../sdk/index.js";
import { Bubble, Waiting } from "./bubble.js";
import { Composer } from "./composer.js";
import { show } from "./dialog.js";
import { Looking, stage } from "./files.js";
import { clock, short } from "./format.js";
import { t } from "./i18n.js";
import { Menu } from "./menu.js";
import { blocked, Face, GroupFace, nameOf } from "./people.js";
import { attempt, choose, client, open, presence, refusal, revision, target, titleOf, typists } from "./state.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";
import { anchor, atEnd, restore, useWindow } from "./window.js";

/** Pixels from an end at which more is loaded. */
const NEAR = 600;
/** Milliseconds for which a message that was jumped to is marked. */
const MARKED = 2000;

/** @param {{id: string}} props */
export function Thread({ id }) {
  const log = useRef(/** @type {HTMLElement|null} */ (null));
  const { view, shown, keep, refresh, load, toEnd, jumpTo, fail } = useWindow(id, log);
  const [over, setOver] = useState(false);
  const divider = useRef(open.value?.unread ? open.value.readSeq : null);

  useEffect(() => {
    void refresh().catch(fail);
  }, [id, revision.value]);

  useLayoutEffect(() => restore(log.current, keep.current), [view]);

  useEffect(() => {
    const aim = target.value;
    if (aim === null || view === null || aim.conversationID !== id) return;
    target.value = null;
    void jumpTo(aim).then(() => requestAnimationFrame(() => mark(log.current, aim.serverMsgID)));
  }, [target.value, view]);

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

  /** @param {DragEvent} event */
  function dropped(event) {
    setOver(false);
    if (!hasFiles(event) || silenced()) return;
    event.preventDefault();
    stage(event.dataTransfer?.files ?? []);
  }

  const got = reached(open.value);
  const away = view !== null && (!view.latest || (log.current !== null && !atEnd(log.current)));
  return html`<section
    class=${over ? "thread over" : "thread"}
    onDragOver=${(/** @type {DragEvent} */ event) => hasFiles(event) && (event.preventDefault(), setOver(true))}
    onDragLeave=${() => setOver(false)}
    onDrop=${dropped}
  >
    <${Head} id=${id} />
    <div class="log" ref=${log} role="log" aria-label=${t("messagesOf", titleOf(open.value ?? id))} tabindex="0" onScroll=${scrolled}>
      ${view?.error && html`<p class="error pad">${t("loadFailed", view.error)}</p>`}
      ${view && !view.messages.length && !view.unsent.length && html`<p class="quiet pad">${t("nothingYet")}</p>`}
      ${view?.messages.map((message, index) => {
        const before = view.messages[index - 1];
        return html`<${Bubble} key=${message.serverMsgID} message=${message} before=${before} divider=${divider.current} got=${got} />`;
      })}
      ${view?.latest && view.unsent.map((one) => html`<${Waiting} key=${one.messageID} one=${one} />`)}
    </div>
    ${away && html`<button class="jump" onClick=${toEnd}>${t("jump")} ↓</button>`}
    ${refusal.value && html`<p class="error pad" role="alert">${refusal.value}</p>`}
    <${Typing} id=${id} />
    <${Foot} id=${id} />
    <${Menu} />
    <${Looking} />
  </section>`;
}

/** Where one writes, or why one can't. @param {{id: string}} props */
function Foot({ id }) {
  const other = client.value?.otherOf(id) ?? null;
  if (other !== null && blocked.value.has(other)) {
    return html`<p class="quiet pad">${t("youBlocked", nameOf(other))}
      <button class="plain" onClick=${() => attempt(client.value?.unblock(other))}>${t("unblock")}</button></p>`;
  }
  return silenced() ? html`<p class="quiet pad">${silenced()}</p>` : html`<${Composer} id=${id} />`;
}

/** Why nothing can be written here; empty where it can. */
function silenced() {
  const one = open.value;
  if (one?.gone) return t("gone");
  if (one?.settings?.announcementOnly && one.role === "member") return t("onlyAdmins");
  if ((one?.mutedUntil ?? 0) > Date.now()) return t("youAreMuted", clock(one?.mutedUntil ?? 0));
  return "";
}

/** @param {DragEvent} event */
function hasFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** @param {{id: string}} props */
function Head({ id }) {
  const title = titleOf(open.value ?? id);
  const other = client.value?.otherOf(id) ?? null;
  const seen = other === null ? null : presence.value[other];
  const note = seen?.online ? t("online") : seen?.lastSeen ? t("lastSeen", short(seen.lastSeen)) : "";
  return html`<header class="bar">
    <button class="icon back" aria-label=${t("back")} onClick=${() => choose(null)}>‹</button>
    ${other === null ? html`<${GroupFace} title=${title} avatar=${open.value?.settings?.avatar} size="small" />` : html`<${Face} of=${other} size="small" />`}
    <span class="grow">
      <h2>${other === null ? title : html`<button class="named" title=${t("profile")} onClick=${() => show("person", other)}>${title}</button>`}</h2>
      <small class="quiet">${note}</small>
    </span>
    <button class="icon" aria-label=${t("pins")} title=${t("pins")} onClick=${() => show("pins")}>⚲</button>
    ${other === null &&
    html`<button class="icon" aria-label=${t("members")} title=${t("members")} onClick=${() => show("members")}>⚇</button>`}
  </header>`;
}

/** @param {{id: string}} props */
function Typing({ id }) {
  const who = Object.keys(typists.value[id] ?? {});
  return html`<p class="typing" aria-live="polite">${who.length ? t("typing", who.map(nameOf).join(", ")) : ""}</p>`;
}

/** Shows which message was jumped to, to eyes and to a screen reader. @param {HTMLElement|null} log @param {string} key */
function mark(log, key) {
  const element = /** @type {HTMLElement|null} */ (log?.querySelector(`[data-key="${CSS.escape(key)}"]`) ?? null);
  if (element === null) return;
  element.classList.add("marked");
  element.focus({ preventScroll: true });
  setTimeout(() => element.classList.remove("marked"), MARKED);
}
