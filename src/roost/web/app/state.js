/** What the page shows: signals, kept up to date by the client. Components read them and call the actions here. */

import { Client, Login } from "../sdk/index.js";
import { resumeDrafts } from "./drafting.js";
import { t } from "./i18n.js";
import { knownName, meet, nameOf } from "./people.js";
import { batch, computed, signal } from "./ui.js";

/**
 * @typedef {import("../sdk/types.js").Conversation} Conversation
 * @typedef {import("../sdk/types.js").Message} Message
 * @typedef {import("../sdk/types.js").Unsent} Unsent
 */

/** Milliseconds for which somebody is shown to type, and after which that is told again. */
const TYPING_SHOWN = 4000;
const TYPING_TOLD = 2500;
/** Users whose presence is watched: those of the latest conversations. */
const WATCHED = 200;

export const login = new Login(location.origin);
/** @type {import("./ui.js").Signal<Client|null>} */
export const client = signal(null);
/** @type {import("./ui.js").Signal<Conversation[]|null>} */
export const conversations = signal(null);
/** @type {import("./ui.js").Signal<string|null>} */
export const current = signal(null);
export const connection = signal({ state: "disconnected", reason: /** @type {string|null} */ (null) });
/** @type {import("./ui.js").Signal<{done: number, total: number}|null>} */
export const progress = signal(null);
/** @type {import("./ui.js").Signal<Record<string, {online: boolean, lastSeen?: number|null}>>} */
export const presence = signal({});
/** @type {import("./ui.js").Signal<Record<string, Record<string, number>>>} */
export const typists = signal({});
/** Counts the changes of the open conversation: its messages are read anew. */
export const revision = signal(0);
export const offline = signal(false);
/** How far the files of messages in the outbox are, in bytes. @type {import("./ui.js").Signal<Record<string, {loaded: number, total: number}>>} */
export const uploads = signal({});
/** The message that is being answered. @type {import("./ui.js").Signal<Message|null>} */
export const replying = signal(null);
/** The message to be shown, once its conversation is open. @type {import("./ui.js").Signal<Message|null>} */
export const target = signal(null);

export const unreadTotal = computed(() =>
  (conversations.value ?? []).reduce((sum, one) => sum + (one.muted ? 0 : one.unread), 0),
);
export const open = computed(() => conversations.value?.find((one) => one.conversationID === current.value) ?? null);

/** The page starts: with the session of before, if there is one. */
export async function begin() {
  follow();
  addEventListener("hashchange", follow);
  if (login.userID !== null) await enter();
}

/** The token of an invitation that the address has. @type {import("./ui.js").Signal<string|null>} */
export const invited = signal(null);

/** Goes where the address says. */
function follow() {
  const place = decodeURIComponent(location.hash.slice(1));
  if (!place.startsWith("join:")) return void (current.value = place || null);
  invited.value = place.slice(5);
  history.replaceState(null, "", location.pathname); // who looks over one's shoulder, or at the history, is not invited
}

/** Signs in or up; raises what the server refuses. @param {"login"|"register"} way @param {string} user @param {string} password */
export async function signIn(way, user, password) {
  await login[way](user, password);
  await enter();
}

async function enter() {
  const made = new Client(location.origin, { session: login, userID: login.userID });
  made.on("state", (state) => {
    connection.value = state;
    offline.value = state.state === "disconnected" && state.reason === "offline by wish";
    if (state.state === "connected") {
      progress.value = null;
      watched = "";
      watchAll();
    }
  });
  made.on("progress", (step) => (progress.value = step.total > 0 && step.done < step.total ? step : null));
  made.on("changed", ({ conversations: ids }) => changed(ids));
  made.on("uploading", ({ messageID, loaded, total }) => (uploads.value = { ...uploads.value, [messageID]: { loaded, total } }));
  made.on("sent", ({ messageID }) => {
    if (!(messageID in uploads.value)) return;
    const { [messageID]: _, ...others } = uploads.value;
    uploads.value = others;
  });
  made.on("reset", () => changed([current.value]));
  made.on("presence", ({ users }) => (presence.value = { ...presence.value, ...users }));
  made.on("typing", ({ conversationID, userID }) => showTyping(conversationID, userID));
  made.on("received", ({ messages }) => {
    for (const { conversationID, senderID } of messages) typed(conversationID, senderID);
    for (const tell of listeners) tell(messages);
  });
  made.on("signedOut", () => void leave());
  await made.open();
  made.on("scheduledFailed", ({ error }) => (refusal.value = t("scheduledFailed", error)));
  await Promise.all([meet(made), resumeDrafts(made)]);
  client.value = made;
  await reload();
}

/**
 * Signs out: the device's token is good no more. Its store stays, and goes on at the next sign-in, unless it is to be
 * forgotten.
 */
export async function signOut({ forget = false } = {}) {
  const left = client.value;
  await login.logout(); // the connection may hear of it before this returns, and has left already then
  await leave();
  if (forget) await left?.forget();
}

async function leave() {
  const left = client.value;
  if (left === null) return;
  batch(() => {
    client.value = null;
    conversations.value = null;
    progress.value = null;
    choose(null);
  });
  await left.close();
}

/** @type {Set<(messages: Message[]) => void>} */
const listeners = new Set();

/** Is told of messages of others that came. @param {(messages: Message[]) => void} tell */
export function whenReceived(tell) {
  listeners.add(tell);
}

let reloading = false;
let reloadAgain = false;

/** Reads the list anew; while it is read, further wishes become one. */
async function reload() {
  reloadAgain = true;
  if (reloading) return;
  reloading = true;
  while (reloadAgain && client.value) {
    reloadAgain = false;
    conversations.value = await client.value.conversations();
    if (connection.value.state === "connected") watchAll();
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  reloading = false;
}

/** @param {(string|null)[]} ids */
function changed(ids) {
  if (ids.includes(current.value)) revision.value += 1;
  void reload();
}

/** @param {string|null} conversationID */
export function choose(conversationID) {
  if (conversationID === current.value) return;
  replying.value = null;
  current.value = conversationID;
  history.pushState(null, "", conversationID === null ? location.pathname : `#${encodeURIComponent(conversationID)}`);
}

/** @param {string} text @param {{mentions?: string[], files?: File[], ttl?: number}} [more] */
export async function send(text, more) {
  const replyTo = replying.value?.serverMsgID;
  replying.value = null;
  if (client.value && current.value) await client.value.send(current.value, text, { replyTo, ...more });
}

let toldTyping = 0;

/** Tells the others, not at every key. */
export function tellTyping() {
  if (Date.now() - toldTyping < TYPING_TOLD || !client.value || !current.value) return;
  toldTyping = Date.now();
  client.value.typing(current.value);
}

/** @param {string} conversationID @param {string} userID */
function showTyping(conversationID, userID) {
  const until = Date.now() + TYPING_SHOWN;
  const of = { ...typists.value[conversationID], [userID]: until };
  typists.value = { ...typists.value, [conversationID]: of };
  setTimeout(() => {
    const left = Object.entries(typists.value[conversationID] ?? {}).filter(([, end]) => end > Date.now());
    typists.value = { ...typists.value, [conversationID]: Object.fromEntries(left) };
  }, TYPING_SHOWN + 50);
}

/** What was typed is here. @param {string} conversationID @param {string} userID */
function typed(conversationID, userID) {
  if (!typists.value[conversationID]?.[userID]) return;
  const { [userID]: _, ...others } = typists.value[conversationID];
  typists.value = { ...typists.value, [conversationID]: others };
}

/** Whose presence was asked for last on this connection. */
let watched = "";

/** Watches who is in the list: whom somebody begins to talk with, too. */
function watchAll() {
  const one = client.value;
  const others = (conversations.value ?? []).map(({ conversationID }) => one?.otherOf(conversationID) ?? "");
  const users = [...new Set(others.filter((user) => user && user !== one?.userID))].slice(0, WATCHED).sort();
  if (!users.length || users.join() === watched) return;
  watched = users.join();
  one?.watch(users);
}

export function toggleOffline() {
  if (offline.value) client.value?.connect();
  else client.value?.disconnect();
}

/** What the server refused last, until something else is done. @type {import("./ui.js").Signal<string>} */
export const refusal = signal("");

/** Waits for something that may be refused, and says so where it is. @param {Promise<any>|undefined} work */
export function attempt(work) {
  refusal.value = "";
  work?.catch((/** @type {Error} */ error) => (refusal.value = error.message));
}

/**
 * What a conversation is called. `known`: by what is known already, for looking through many.
 *
 * @param {Conversation|string} conversation
 * @param {{known?: boolean}} [options]
 */
export function titleOf(conversation, { known = false } = {}) {
  const id = typeof conversation === "string" ? conversation : conversation.conversationID;
  const other = client.value?.otherOf(id) ?? null;
  if (other !== null) return known ? knownName(other) : nameOf(other);
  return (typeof conversation === "string" ? null : conversation.name) ?? id.slice(2);
}

/** Why a message is empty. @param {Message} message */
export function emptied({ ttl, serverTime, recallTime = 0 }) {
  return t(ttl && recallTime >= serverTime + 1000 * ttl ? "disappeared" : "recalled");
}

/** A message in a line. @param {Message} message */
export function summary(message) {
  const { recallTime, content, attachments } = message;
  if (recallTime) return emptied(message);
  return content.slice(0, 140) || (attachments ?? []).map(({ name }) => name).join(", ");
}
