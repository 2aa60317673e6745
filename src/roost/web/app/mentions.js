/** Whom one can mention: the members of a group, offered while `@` and the beginning of a name are typed. */

import { t } from "./i18n.js";
import { Face, GroupFace } from "./people.js";
import { Name } from "./person.js";
import { client, open } from "./state.js";
import { html, useEffect, useRef, useState } from "./ui.js";

/** Names offered at once. */
const OFFERED = 6;
/** `@` at the beginning of a word, and what of the name is there, up to the cursor. */
const BEGUN = /(?:^|\s)@([\w.@-]*)$/;

/**
 * @typedef {object} Offer
 * @property {string[]} found the names that fit
 * @property {number} at which of them Enter takes
 * @property {(name: string) => void} take
 * @property {() => void} look the text or the cursor changed
 * @property {(event: KeyboardEvent) => boolean} pressed whether the key was for the list
 * @property {(text: string) => string[]} mentionedIn
 */

/**
 * @param {string} id of the conversation
 * @param {{current: HTMLTextAreaElement|null}} field
 * @returns {Offer}
 */
export function usePicker(id, field) {
  const members = useRef(/** @type {Promise<string[]>|null} */ (null));
  const names = useRef(/** @type {string[]} */ ([]));
  const [found, setFound] = useState(/** @type {string[]} */ ([]));
  const [at, setAt] = useState(0);

  useEffect(() => {
    members.current = null;
    names.current = [];
    setFound([]);
  }, [id]);

  async function look() {
    const begun = begunIn(field.current);
    if (begun === null || !id.startsWith("g:")) return setFound([]);
    members.current ??= membersOf(id);
    names.current = await members.current;
    if (begunIn(field.current) !== begun) return; // typed on meanwhile: that look has its own end
    const start = begun.toLowerCase();
    setFound(names.current.filter((name) => name.toLowerCase().startsWith(start)).slice(0, OFFERED));
    setAt(0);
  }

  /** @param {string} name */
  function take(name) {
    const element = field.current;
    if (element === null) return;
    const end = element.selectionStart;
    const start = end - (begunIn(element) ?? "").length;
    element.setRangeText(`${name} `, start, end, "end");
    element.focus();
    setFound([]);
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (!found.length) return false;
    if (event.key === "ArrowDown") setAt((at + 1) % found.length);
    else if (event.key === "ArrowUp") setAt((at + found.length - 1) % found.length);
    else if (event.key === "Enter" || event.key === "Tab") take(found[at]);
    else if (event.key === "Escape") setFound([]);
    else return false;
    event.preventDefault();
    return true;
  }

  /** @param {string} text */
  function mentionedIn(text) {
    const said = new Set(text.split(/[\s,;:!?()]+/).flatMap((word) => (word.startsWith("@") ? [word.slice(1), word.slice(1).replace(/\.+$/, "")] : [])));
    return names.current.filter((name) => said.has(name)).map((name) => (name === "all" ? "@all" : name));
  }

  return { found, at, take, look: () => void look().catch(() => setFound([])), pressed, mentionedIn };
}

/** @param {{picker: Offer}} props */
export function Picker({ picker: { found, at, take } }) {
  if (!found.length) return null;
  return html`<ul class="offer" id="mentions" role="listbox" aria-label=${t("mention")}>
    ${found.map(
      (name, index) => html`<li
        key=${name}
        id=${`mention-${index}`}
        role="option"
        aria-selected=${index === at}
        onPointerDown=${(/** @type {Event} */ event) => (event.preventDefault(), take(name))}
      >
        ${name === "all" ? html`<${GroupFace} title=${name} size="small" /> ${t("everybody")}` : html`<${Face} of=${name} size="small" /><span><${Name} of=${name} /></span>`}
      </li>`,
    )}
  </ul>`;
}

/** What is typed of a name after `@`, null where none is. @param {HTMLTextAreaElement|null} field */
function begunIn(field) {
  if (field === null) return null;
  return BEGUN.exec(field.value.slice(0, field.selectionStart))?.[1] ?? null;
}

/** The others of a group, and `all` for those who may. @param {string} id */
async function membersOf(id) {
  const one = client.value;
  const group = await one?.group(id.slice(2));
  const { members } = group.large ? await /** @type {any} */ (one).members(id.slice(2)) : group;
  const others = members.map((/** @type {any} */ member) => member.userID).filter((/** @type {string} */ name) => name !== one?.userID);
  return open.value?.role === "member" ? others : ["all", ...others];
}
