/** What opens above the page. */

import { close, Form, shown } from "./dialog.js";
import { Forward, Pins, Receipts } from "./elsewhere.js";
import { Join, Members, NewGroup } from "./groups.js";
import { t } from "./i18n.js";
import { Later } from "./later.js";
import { Blocked, OwnProfile, Person } from "./person.js";
import { Settings } from "./settings.js";
import { Stickers } from "./stickers.js";
import { choose, client } from "./state.js";
import { html, useEffect, useRef } from "./ui.js";

const KINDS = {
  chat: NewChat,
  group: NewGroup,
  members: Members,
  settings: Settings,
  edit: Edit,
  forward: Forward,
  pins: Pins,
  receipts: Receipts,
  join: Join,
  person: Person,
  profile: OwnProfile,
  blocked: Blocked,
  later: Later,
  stickers: Stickers,
};

export function Dialogs() {
  const element = useRef(/** @type {HTMLDialogElement|null} */ (null));
  const opener = useRef(/** @type {HTMLElement|null} */ (null));
  const what = shown.value;
  useEffect(() => {
    if (what === null) {
      // A dialog that is taken away gives the focus to nobody by itself.
      if (opener.current?.isConnected && document.activeElement === document.body) opener.current.focus();
      opener.current = null;
    } else if (!element.current?.open) {
      opener.current = /** @type {HTMLElement|null} */ (document.activeElement);
      element.current?.showModal();
    } else if (!element.current.contains(document.activeElement)) {
      element.current.focus(); // what was in it is another, and with it went what had the focus
    }
  }, [what]);
  return (
    what !== null &&
    html`<dialog ref=${element} onClose=${close} aria-labelledby="dialog-title">
      <button class="icon corner" aria-label=${t("close")} onClick=${close}>×</button>
      <${KINDS[what.kind]} about=${what.about} />
    </dialog>`
  );
}

function NewChat() {
  /** @param {FormData} form */
  async function work(form) {
    choose(client.value?.conversationWith(String(form.get("user")).trim()) ?? null);
    close();
  }
  return html`<${Form} title=${t("newChat")} action=${t("start")} work=${work}>
    <label>${t("startWith")}<input name="user" required maxlength="50" autocapitalize="none" autofocus /></label>
  <//>`;
}

/** @param {{about: import("../sdk/types.js").Message}} props */
function Edit({ about }) {
  /** @param {FormData} form */
  async function work(form) {
    await client.value?.edit(about.serverMsgID, String(form.get("text")).trim());
    close();
  }
  return html`<${Form} title=${t("edit")} action=${t("save")} work=${work}>
    <label>${t("newText")}<textarea name="text" required rows="4" maxlength="5000" autofocus>${about.content}</textarea></label>
  <//>`;
}
