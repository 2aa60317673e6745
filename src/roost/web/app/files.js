/** Files: chosen, pasted or dropped for the next message, on their way, and carried by messages. */

import { bytes } from "./format.js";
import { t } from "./i18n.js";
import { kept, usePicture } from "./pictures.js";
import { attempt, client, uploads } from "./state.js";
import { html, signal, useEffect, useRef, useState } from "./ui.js";

/** Files of a message at most. */
const MOST = 10;
/** Pixels that a picture takes on the page at most; CSS narrows it on a phone. */
const WIDE = 320;
const HIGH = 320;

/**
 * @typedef {import("../sdk/types.js").Attachment} Attachment
 * @typedef {import("../sdk/types.js").UnsentFile} UnsentFile
 */

/** What goes with the next message. @type {import("./ui.js").Signal<File[]>} */
export const staged = signal(/** @type {File[]} */ ([]));

/** @param {Iterable<File>} files */
export function stage(files) {
  staged.value = [...staged.value, ...files].slice(0, MOST);
}

/** What is staged, which it is then no more. */
export function unstage() {
  const files = staged.value;
  staged.value = [];
  return files;
}

/** The button, and what it chose or was pasted: shown until it is sent. */
export function Clip() {
  const field = useRef(/** @type {HTMLInputElement|null} */ (null));
  function chosen() {
    stage(field.current?.files ?? []);
    if (field.current) field.current.value = "";
  }
  return html`<button type="button" class="icon" aria-label=${t("attach")} title=${t("attach")} onClick=${() => field.current?.click()}>⊕</button>
    <input ref=${field} type="file" multiple hidden aria-hidden="true" tabindex="-1" onChange=${chosen} />`;
}

export function Tray() {
  if (!staged.value.length) return null;
  return html`<ul class="tray" aria-label=${t("attached")}>
    ${staged.value.map(
      (file, index) => html`<li key=${`${file.name}-${file.size}-${index}`}>
        <${Local} blob=${file} name=${file.name} />
        <span class="grow">${file.name} <small class="quiet">${bytes(file.size)}</small></span>
        <button type="button" class="icon" aria-label=${t("remove", file.name)} onClick=${() => (staged.value = staged.value.filter((one) => one !== file))}>
          ×
        </button>
      </li>`,
    )}
  </ul>`;
}

/** Files of a message that waits, and how far they are. @param {{messageID: string, files: UnsentFile[]}} props */
export function Leaving({ messageID, files }) {
  const step = uploads.value[messageID];
  return html`<ul class="files">
      ${files.map(({ blob, name }) => html`<li key=${name}><${Local} blob=${blob} name=${name} /><span class="grow">${name} <small>${bytes(blob.size)}</small></span></li>`)}
    </ul>
    ${step && html`<progress max=${step.total || 1} value=${step.loaded} aria-label=${t("uploading")}></progress>`}`;
}

/** A picture that is on this device. @param {{blob: Blob, name: string}} props */
function Local({ blob, name }) {
  const [url, setURL] = useState("");
  useEffect(() => {
    if (!/^image\/(png|jpeg|gif|webp|avif)$/.test(blob.type)) return;
    const made = URL.createObjectURL(blob);
    setURL(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url ? html`<img class="thumb" src=${url} alt=${name} />` : html`<span class="thumb" aria-hidden="true">▤</span>`;
}

/** Files that a message carries. @param {{files: Attachment[]}} props */
export function Carried({ files }) {
  return html`<ul class="files">
    ${files.map((file) => html`<li key=${file.id}>${file.thumbnail ? html`<${Picture} file=${file} />` : html`<${Plain} file=${file} />`}</li>`)}
  </ul>`;
}

/** @param {{file: Attachment}} props */
function Picture({ file }) {
  const url = usePicture(file.id);
  const scale = Math.min(1, WIDE / (file.width ?? WIDE), HIGH / (file.height ?? HIGH));
  const [width, height] = [Math.round(scale * (file.width ?? WIDE)), Math.round(scale * (file.height ?? HIGH))];
  return html`<button class="picture" aria-label=${t("openPicture", file.name)} onClick=${() => (looking.value = file)}>
    <img src=${url || BLANK} alt=${file.name} width=${width} height=${height} />
  </button>`;
}

/** @param {{file: Attachment}} props */
function Plain({ file }) {
  return html`<button class="file" aria-label=${t("save_", file.name)} onClick=${() => attempt(save(file))}>
    <span class="thumb" aria-hidden="true">▤</span>
    <span class="grow">${file.name}<small>${bytes(file.size)}</small></span>
  </button>`;
}

/** Shown until a picture is there. */
const BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
/** @param {Attachment} file */
async function save(file) {
  const blob = await client.value?.file(file.id);
  if (!blob) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** The picture that is looked at, in full. @type {import("./ui.js").Signal<Attachment|null>} */
const looking = signal(/** @type {Attachment|null} */ (null));

export function Looking() {
  const element = useRef(/** @type {HTMLDialogElement|null} */ (null));
  const [url, setURL] = useState("");
  const file = looking.value;
  useEffect(() => {
    setURL("");
    if (file === null) return;
    let made = "";
    let ended = false;
    element.current?.showModal();
    client.value?.file(file.id).then((blob) => ended || setURL((made = URL.createObjectURL(blob))), close);
    return () => ((ended = true), URL.revokeObjectURL(made));
  }, [file]);
  if (file === null) return null;
  return html`<dialog ref=${element} class="looking" onClose=${close} aria-label=${file.name}>
    <img src=${url || kept(file.id) || BLANK} alt=${file.name} width=${file.width} height=${file.height} />
    <div class="buttons">
      <span class="grow">${file.name} <small class="quiet">${bytes(file.size)}</small></span>
      <button class="plain" onClick=${() => attempt(save(file))}>${t("saveFile")}</button>
      <button class="plain" onClick=${close}>${t("close")}</button>
    </div>
  </dialog>`;
}

function close() {
  looking.value = null;
}
