/** Searching all messages: the words, and what the server found. */

import { short } from "./format.js";
import { t } from "./i18n.js";
import { Face, GroupFace, nameOf } from "./people.js";
import { choose, client, conversations, target, titleOf } from "./state.js";
import { html, signal, useEffect, useState } from "./ui.js";

/** Milliseconds after the last key until it is asked. */
const PAUSE = 300;

/** @typedef {import("../sdk/types.js").Hit} Hit */

/** What is looked for; empty for nothing. */
export const words = signal("");

export function Find() {
  /** @param {any} event */
  const typed = (event) => (words.value = event.target.value.trim());
  return html`<div class="find">
    <input type="search" maxlength="200" aria-label=${t("search")} placeholder=${t("search")} value=${words.value} onInput=${typed} />
  </div>`;
}

export function Found() {
  const [page, setPage] = useState(/** @type {{hits: Hit[], nextBefore: string|null}|null} */ (null));
  const [error, setError] = useState("");
  const sought = words.value;

  /** @param {string} [before] */
  async function ask(before) {
    try {
      const found = await client.value?.search(sought, { before });
      if (!found || sought !== words.value) return; // something else is looked for by now
      setPage({ ...found, hits: [...(before && page ? page.hits : []), ...found.hits] });
      setError("");
    } catch (refusal) {
      setError(/** @type {Error} */ (refusal).message);
    }
  }

  useEffect(() => {
    const timer = setTimeout(() => void ask(), PAUSE);
    return () => clearTimeout(timer);
  }, [sought]);

  return html`<div class="list" role="region" aria-label=${t("results")}>
    <p class=${error ? "error pad" : "quiet pad"} role="status">${error || (page && !page.hits.length && !page.nextBefore ? t("nothingFound") : "")}</p>
    ${page?.hits.map((hit) => html`<${Row} key=${hit.message.serverMsgID} hit=${hit} />`)}
    ${page?.nextBefore && html`<button class="plain" onClick=${() => ask(page.nextBefore ?? undefined)}>${t("showMore")}</button>`}
  </div>`;
}

/** @param {{hit: Hit}} props */
function Row({ hit: { message, snippet, matches } }) {
  const known = conversations.value?.find((one) => one.conversationID === message.conversationID);
  const other = client.value?.otherOf(message.conversationID) ?? null;
  const title = titleOf(known ?? message.conversationID);
  function open() {
    choose(message.conversationID);
    target.value = message;
  }
  return html`<button class="row hit" onClick=${open}>
    ${other === null ? html`<${GroupFace} title=${title} avatar=${known?.settings?.avatar} />` : html`<${Face} of=${other} />`}
    <span class="grow">
      <span class="line"><b class="name">${title}</b><time>${short(message.serverTime)}</time></span>
      <span class="preview">${nameOf(message.senderID)}: ${marked(snippet, matches)}</span>
    </span>
  </button>`;
}

/** The snippet with what matches made out. @param {string} snippet @param {[number, number][]} matches */
function marked(snippet, matches) {
  const points = [...snippet];
  const parts = [];
  let done = 0;
  for (const [place, length] of matches) {
    parts.push(points.slice(done, place).join(""), html`<mark>${points.slice(place, place + length).join("")}</mark>`);
    done = place + length;
  }
  return [...parts, points.slice(done).join("")];
}
