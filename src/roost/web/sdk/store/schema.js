/**
 * The store: one IndexedDB database for one user on one device, shared by the tabs of a page.
 *
 * A message is one record under the server's id: what comes by push, by sync, by refresh and as a receipt meets there
 * and is updated in place. `countSeq` is its conversationSeq while it counts as unread for this user (somebody else's,
 * not recalled) and missing otherwise, so that the index over it has just what is to be counted.
 */

import { openDB } from "../vendor/idb.js";

const VERSION = 1;
/** The one key of the object store `sync`. */
export const ONE = 1;

/**
 * @param {string} name of the database
 * @param {() => void} superseded called when a newer version of the page wants to change the database
 */
export function open(name, superseded) {
  return openDB(name, VERSION, {
    upgrade(/** @type {any} */ db) {
      db.createObjectStore("sync");
      db.createObjectStore("conversations", { keyPath: "conversationID" });
      const messages = db.createObjectStore("messages", { keyPath: "id" });
      messages.createIndex("place", ["conversationID", "conversationSeq"]);
      messages.createIndex("countable", ["conversationID", "countSeq"]);
      const outbox = db.createObjectStore("outbox", { keyPath: "place", autoIncrement: true });
      outbox.createIndex("messageID", "messageID", { unique: true });
      outbox.createIndex("conversation", ["conversationID", "place"]);
      db.createObjectStore("readMarks", { keyPath: "conversationID" });
    },
    blocking: superseded,
  });
}
