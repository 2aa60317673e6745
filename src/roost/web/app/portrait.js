/** The picture of a person or a group in a form: chosen, looked at, taken away. */

import { t } from "./i18n.js";
import { html, useEffect, useRef, useState } from "./ui.js";

/** Pixels of a side, at most. */
const SIDE = 512;
const QUALITY = 0.9;

/** What was chosen in a form: nothing, a picture, or none (null). @typedef {Blob|null|undefined} Chosen */

/**
 * @param {{face: (bare: boolean) => any, has: boolean, chosen: Chosen, choose: (chosen: Chosen) => void}} props
 *   `face`: as it is shown now, or bare, without a picture; `has`: whether there is one now
 */
export function Portrait({ face, has, chosen, choose }) {
  const field = useRef(/** @type {HTMLInputElement|null} */ (null));
  const [url, setURL] = useState("");
  const [error, setError] = useState("");
  useEffect(() => {
    if (!chosen) return setURL("");
    const made = URL.createObjectURL(chosen);
    setURL(made);
    return () => URL.revokeObjectURL(made);
  }, [chosen]);

  async function taken() {
    const [file] = field.current?.files ?? [];
    if (field.current) field.current.value = "";
    if (!file) return;
    try {
      choose(await squared(file));
      setError("");
    } catch {
      setError(t("noPicture"));
    }
  }

  return html`<div class="person portrait">
    ${chosen && url ? html`<span class="face large" aria-hidden="true"><img src=${url} alt="" /></span>` : face(chosen === null)}
    <div class="buttons">
      <button type="button" class="plain small" onClick=${() => field.current?.click()}>${t("choosePicture")}</button>
      ${(chosen || (has && chosen !== null)) && html`<button type="button" class="plain small" onClick=${() => choose(has ? null : undefined)}>${t("removePicture")}</button>`}
    </div>
    ${error && html`<p class="error" role="alert">${error}</p>`}
    <input ref=${field} type="file" accept="image/*" hidden aria-hidden="true" tabindex="-1" onChange=${taken} />
  </div>`;
}

/**
 * The middle of a picture, small, and with nothing of what a camera wrote into it. Raises where it is no picture.
 *
 * @param {File} file
 * @returns {Promise<Blob>}
 */
async function squared(file) {
  const image = await createImageBitmap(file);
  const { width, height } = image;
  const part = Math.min(width, height);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.min(part, SIDE);
  canvas.getContext("2d")?.drawImage(image, (width - part) / 2, (height - part) / 2, part, part, 0, 0, canvas.width, canvas.height);
  image.close();
  return new Promise((done, failed) => canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("no picture"))), "image/webp", QUALITY));
}
