/** Telling of messages while nobody looks at the page: by Web Push where the server can, else while a page is open. */

import { canPush, disablePush, enablePush, renewPush } from "../sdk/index.js";
import { knownName } from "./people.js";
import { choose, client, connection, summary } from "./state.js";
import { signal } from "./ui.js";

const WORKER = "/push.js";
const KEY = "roost:notices";

/** Whether there are notices at all, and whether they come without a page, too. */
export const notices = signal(localStorage.getItem(KEY) ?? "off");

/** @param {"off"|"page"|"push"} way */
function set(way) {
  notices.value = way;
  localStorage.setItem(KEY, way);
}

/** From a click. Raises what the browser or the server refuses. */
export async function turnNotices() {
  const one = client.value;
  if (one === null) return;
  if (notices.value !== "off") {
    if (notices.value === "push") await disablePush(one);
    return set("off");
  }
  if ((await Notification.requestPermission()) !== "granted") return;
  set("page");
  if (canPush() && (await enablePush(one, WORKER))) set("push");
}

/** Somebody has signed in: the server learns again where this browser is reached. */
export async function resumeNotices() {
  const one = client.value;
  if (one === null || notices.value !== "push") return;
  try {
    if (!(await renewPush(one))) set("page");
  } catch (error) {
    console.info("Web Push was not renewed:", error); // offline, say; the next start does it
  }
}

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.addEventListener("message", ({ data }) => data?.open && choose(data.open));
}

/** A notification for what came while nobody looked. @param {import("../sdk/types.js").Message[]} messages */
export function announce(messages) {
  if (document.visibilityState === "visible" || notices.value === "off") return;
  if (globalThis.Notification?.permission !== "granted" || connection.value.state !== "connected") return;
  const last = messages[messages.length - 1];
  const notice = new Notification(knownName(last.senderID), { body: summary(last), tag: last.conversationID });
  notice.onclick = () => (window.focus(), choose(last.conversationID));
}
