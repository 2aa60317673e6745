/**
 * Web Push: this browser is told of messages while no page is open. The application brings the service worker that
 * shows them (docs/push.md, "In a browser"), and asks from a click: browsers ask the user only then.
 */

import { RoostError } from "./errors.js";

/** @typedef {import("./client.js").Client} Client */

/** Whether this browser can do it. */
export function canPush() {
  return "serviceWorker" in navigator && "PushManager" in globalThis;
}

/**
 * Subscribes this browser, and tells the server. False where the server has Web Push switched off. Raises what the
 * browser refuses (`DOMException`), or the server.
 *
 * @param {Client} client
 * @param {string} worker the address of the service worker
 * @returns {Promise<boolean>}
 */
export async function enablePush(client, worker) {
  const key = await keyOf(client);
  if (key === null) return false;
  const registration = await navigator.serviceWorker.register(worker);
  const before = await registration.pushManager.getSubscription();
  if (before !== null && !sameKey(before.options?.applicationServerKey, key)) await before.unsubscribe();
  const options = { userVisibleOnly: true, applicationServerKey: key };
  await tell(client, await registration.pushManager.subscribe(options));
  return true;
}

/** Takes it back, in the browser and on the server. @param {Client} client */
export async function disablePush(client) {
  const subscription = await subscribed();
  await subscription?.unsubscribe();
  await client.http.request("DELETE", "/devices?platform=webpush");
}

/** Tells the server what there is, at a start: it may have forgotten. Whether there is any. @param {Client} client */
export async function renewPush(client) {
  const subscription = await subscribed();
  if (subscription !== null) await tell(client, subscription);
  return subscription !== null;
}

/** @returns {Promise<PushSubscription|null>} */
async function subscribed() {
  const registration = canPush() ? await navigator.serviceWorker.getRegistration() : undefined;
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/** @param {Client} client @param {PushSubscription} subscription */
function tell(client, subscription) {
  return client.http.request("POST", "/devices", { platform: "webpush", ...subscription.toJSON() });
}

/** The server's key; null where Web Push is off. @param {Client} client @returns {Promise<string|null>} */
async function keyOf(client) {
  try {
    return (await client.http.request("GET", "/devices/webpush-key")).publicKey;
  } catch (error) {
    if (error instanceof RoostError && error.code >= 40400 && error.code < 40500) return null;
    throw error;
  }
}

/** @param {ArrayBuffer|null|undefined} bytes @param {string} key base64url without padding */
function sameKey(bytes, key) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes ?? new ArrayBuffer(0))));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "") === key;
}
