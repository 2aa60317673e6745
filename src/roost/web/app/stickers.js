/** Stickers: shown in messages, and chosen from the packs of the server. */

import { close, show } from "./dialog.js";
import { t } from "./i18n.js";
import { isShown } from "./images.js";
import { ttlOf } from "./later.js";
import { client, current, replying } from "./state.js";
import { html, signal, useEffect, useState } from "./ui.js";

/**
 * @typedef {import("../sdk/types.js").Sticker} Sticker
 * @typedef {import("../sdk/types.js").StickerPack} StickerPack
 */

/** The packs; null while nobody has asked. @type {import("./ui.js").Signal<StickerPack[]|null>} */
const packs = signal(null);

/** The picture of a sticker; its emoji where that may not or can't be shown. @param {{of: Sticker}} props */
export function Picture({ of }) {
  const [broken, setBroken] = useState(false);
  if (broken || !isShown(of.url)) return html`<span class="sticker">${of.emoji}</span>`;
  return html`<img class="sticker" src=${of.url} alt=${of.emoji} loading="lazy" onError=${() => setBroken(true)} />`;
}

/** The button beside the field, where the server has any. */
export function StickerButton() {
  useEffect(() => {
    if (packs.value !== null) return;
    packs.value = [];
    client.value?.stickers().then((found) => (packs.value = found), () => (packs.value = null)); // asked again later
  }, [client.value]);
  if (!packs.value?.some(({ stickers }) => stickers.length)) return null;
  return html`<button type="button" class="icon" aria-label=${t("stickers")} title=${t("stickers")} onClick=${() => show("stickers")}>☺</button>`;
}

/** All packs; a click sends. */
export function Stickers() {
  /** @param {Sticker} sticker */
  async function send(sticker) {
    const id = current.value;
    const replyTo = replying.value?.serverMsgID;
    replying.value = null;
    close();
    if (id !== null) await client.value?.sendSticker(id, sticker, { replyTo, ttl: ttlOf(id) });
  }
  return html`<h2 id="dialog-title">${t("stickers")}</h2>
    <div class="packs">
      ${packs.value?.map(
        (pack) => html`<section key=${pack.packID} aria-label=${pack.name}>
          <h3>${pack.name}</h3>
          <div class="pack">
            ${pack.stickers.map(
              (one) => html`<button key=${one.stickerID} class="plain" aria-label=${`${one.stickerID} ${one.emoji}`} title=${one.stickerID} onClick=${() => send(one)}>
                <${Picture} of=${one} />
              </button>`,
            )}
          </div>
        </section>`,
      )}
    </div>`;
}
