/** Writing a message. Enter sends, Shift+Enter begins a line, @ offers the members of a group, files can be pasted. */

import { Clip, stage, staged, Tray, unstage } from "./files.js";
import { useDraft } from "./drafting.js";
import { t } from "./i18n.js";
import { Clock, ForATime, ttlOf } from "./later.js";
import { Picker, usePicker } from "./mentions.js";
import { nameOf } from "./people.js";
import { StickerButton } from "./stickers.js";
import { replying, send, summary, tellTyping } from "./state.js";
import { html, useEffect, useRef } from "./ui.js";

/** Characters of a message at most (`limits.max_content`), and lines of the field. */
const LONGEST = 5000;
const LINES = 8;

/** @param {{id: string}} props */
export function Composer({ id }) {
  const field = useRef(/** @type {HTMLTextAreaElement|null} */ (null));
  const picker = usePicker(id, field);
  const draft = useDraft(id, field, changed);

  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches || replying.value) field.current?.focus();
  }, [replying.value]);

  /** @param {Event} [event] */
  async function submit(event) {
    event?.preventDefault();
    const text = field.current?.value.trim() ?? "";
    if (!field.current || !(text || staged.value.length)) return;
    clear();
    await send(text, { mentions: picker.mentionedIn(text), files: unstage(), ttl: ttlOf(id) });
  }

  function clear() {
    if (!field.current) return;
    field.current.value = "";
    draft.done();
    changed();
  }

  /** What a message that is sent later begins with. */
  const begun = () => ({
    text: field.current?.value.trim() ?? "",
    mentionedIn: picker.mentionedIn,
    replyTo: replying.value?.serverMsgID,
    done: () => (clear(), (replying.value = null)),
  });

  function changed() {
    if (!field.current) return;
    field.current.rows = Math.min(LINES, field.current.value.split("\n").length);
    picker.look();
  }

  /** @param {ClipboardEvent} event */
  function pasted(event) {
    const files = event.clipboardData?.files;
    if (!files?.length) return;
    event.preventDefault();
    stage(files);
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (event.isComposing || picker.pressed(event)) return;
    if (event.key === "Enter" && !event.shiftKey) void submit(event);
    if (event.key === "Escape") replying.value = null;
  }

  return html`<form class="composer" onSubmit=${submit}>
    <${Answered} />
    <${ForATime} id=${id} />
    <${Tray} />
    <${Clip} />
    <${Clock} begun=${begun} />
    <${StickerButton} />
    <${Picker} picker=${picker} />
    <textarea
      ref=${field}
      rows="1"
      maxlength=${LONGEST}
      aria-label=${t("write")}
      aria-autocomplete="list"
      aria-controls=${picker.found.length ? "mentions" : undefined}
      aria-activedescendant=${picker.found.length ? `mention-${picker.at}` : undefined}
      placeholder=${t("write")}
      onKeyDown=${pressed}
      onPaste=${pasted}
      onInput=${() => (changed(), draft.typed(), tellTyping())}
    ></textarea>
    <button class="primary round" aria-label=${t("send")} title=${t("send")}>➤</button>
  </form>`;
}

/** The message that is being answered. */
function Answered() {
  const message = replying.value;
  if (message === null) return null;
  return html`<div class="answered">
    <span class="grow" role="status">${t("replyingTo", nameOf(message.senderID))} <span class="quiet">${summary(message)}</span></span>
    <button type="button" class="icon" aria-label=${t("noReply")} onClick=${() => (replying.value = null)}>×</button>
  </div>`;
}
