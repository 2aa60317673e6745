/** The service worker: shows what Web Push brings while no page is looked at, and leads to its conversation. */

/** @type {any} */
const worker = self;

worker.addEventListener("push", (/** @type {any} */ event) => event.waitUntil(tell(event.data.json())));
worker.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  event.waitUntil(lead(event.notification.data.conversationID));
});

/** One notification with a tag replaces the one before it. @param {any} pushed */
async function tell({ title, body, tag, badge, conversationID }) {
  if (badge !== undefined) void worker.navigator.setAppBadge?.(badge).catch(() => {});
  const pages = await worker.clients.matchAll({ type: "window" });
  if (pages.some((/** @type {any} */ page) => page.focused)) return; // it is on the page already
  await worker.registration.showNotification(title, { body, tag, renotify: Boolean(tag), icon: "/app/roost.svg", data: { conversationID } });
}

/** @param {string|undefined} conversationID */
async function lead(conversationID) {
  const address = conversationID === undefined ? "/" : `/#${encodeURIComponent(conversationID)}`;
  const [page] = await worker.clients.matchAll({ type: "window" });
  if (page === undefined) return worker.clients.openWindow(address);
  await page.focus();
  if (conversationID !== undefined) page.postMessage({ open: conversationID });
}
