/** Dialogs about messages: where else they are to go, who has read them, and which are pinned. */

import { close, Form } from "./dialog.js";
import { short } from "./format.js";
import { t } from "./i18n.js";
import { pin } from "./menu.js";
import { Face, GroupFace, nameOf } from "./people.js";
import { Name } from "./person.js";
import { client, conversations, current, revision, summary, target, titleOf } from "./state.js";
import { html, useEffect, useState } from "./ui.js";

/** Conversations that a message is forwarded to at once, at most; and that are offered. */
const MOST = 20;
const OFFERED = 30;

/** @typedef {import("../sdk/types.js").Message} Message */

/** @param {{about: Message}} props */
export function Forward({ about }) {
  const [part, setPart] = useState("");
  const [to, setTo] = useState(/** @type {string[]} */ ([]));
  const all = (conversations.value ?? []).filter((one) => !one.gone);
  const found = all.filter((one) => titleOf(one, { known: true }).toLowerCase().includes(part.toLowerCase())).slice(0, OFFERED);

  /** @param {string} id */
  const turn = (id) => setTo(to.includes(id) ? to.filter((other) => other !== id) : [...to, id].slice(0, MOST));

  async function work() {
    if (!to.length) throw new Error(t("chooseSome"));
    await client.value?.forward(about.serverMsgID, to);
    close();
  }

  return html`<${Form} title=${t("forwardTo")} action=${t("forward")} work=${work}>
    <blockquote class="quiet">${summary(about)}</blockquote>
    <label>${t("find")}<input type="search" value=${part} onInput=${(/** @type {any} */ event) => setPart(event.target.value)} /></label>
    <div class="choices" role="group" aria-label=${t("conversations")}>
      ${found.map((one) => {
        const title = titleOf(one);
        return html`<label key=${one.conversationID} class="choice">
          <input type="checkbox" checked=${to.includes(one.conversationID)} onChange=${() => turn(one.conversationID)} />
          <${Icon} of=${one} title=${title} />
          <span class="grow">${title}</span>
        </label>`;
      })}
    </div>
  <//>`;
}

/** The face of a conversation. @param {{of: import("../sdk/types.js").Conversation, title: string}} props */
function Icon({ of, title }) {
  const other = client.value?.otherOf(of.conversationID) ?? null;
  return other === null ? html`<${GroupFace} title=${title} avatar=${of.settings?.avatar} size="small" />` : html`<${Face} of=${other} size="small" />`;
}

export function Pins() {
  const [pins, setPins] = useState(/** @type {Message[]|null} */ (null));
  const [error, setError] = useState("");
  useEffect(() => {
    client.value?.pins(current.value ?? "").then(setPins, (/** @type {Error} */ refusal) => setError(refusal.message));
  }, [revision.value]);
  return html`<h2 id="dialog-title">${t("pins")}</h2>
    ${error && html`<p class="error" role="alert">${error}</p>`}
    ${pins?.length === 0 && html`<p class="quiet">${t("noPins")}</p>`}
    <ul class="pins">
      ${pins?.map(
        (message) => html`<li key=${message.serverMsgID}>
          <button class="plain grow" onClick=${() => ((target.value = message), close())}>
            <b>${nameOf(message.senderID)}</b> <small class="quiet">${short(message.serverTime)}</small><span>${summary(message)}</span>
          </button>
          <button class="icon" aria-label=${t("unpinThat", summary(message))} title=${t("unpin")} onClick=${() => pin(message)}>×</button>
        </li>`,
      )}
    </ul>`;
}

/** Who has got and who has read a message. @param {{about: Message}} props */
export function Receipts({ about }) {
  const [found, setFound] = useState(/** @type {Awaited<ReturnType<import("../sdk/client.js").Client["receipts"]>>|null} */ (null));
  const [error, setError] = useState("");

  /** @param {string} [after] */
  async function load(after) {
    try {
      const page = await client.value?.receipts(about.serverMsgID, after);
      if (page) setFound({ ...page, receipts: [...(after && found ? found.receipts : []), ...page.receipts] });
    } catch (refusal) {
      setError(/** @type {Error} */ (refusal).message);
    }
  }

  useEffect(() => void load(), [about]);
  return html`<h2 id="dialog-title">${t("receipts")}</h2>
    ${error && html`<p class="error" role="alert">${error}</p>`}
    ${found && html`<p class="quiet">${t("readBy", found.read, found.receivers)}</p>`}
    <ul class="members">
      ${found?.receipts.map(
        ({ userID, delivered, read }) => html`<li key=${userID}>
          <${Face} of=${userID} size="small" />
          <span class="grow"><${Name} of=${userID} /></span>
          <small class="quiet">${read ? t("read") : delivered ? t("delivered") : t("notYet")}</small>
        </li>`,
      )}
    </ul>
    ${found?.nextAfter && html`<button onClick=${() => load(found.nextAfter ?? undefined)}>${t("showMore")}</button>`}`;
}
