/**
 * The store: one IndexedDB database for one user on one device, shared by the tabs of a page.
 *
 * A message is one record under the server's id: what comes by push, by sync, by refresh and as a receipt meets there
 * and is updated in place. `countSeq` is its conversationSeq while it counts as unread for this user (somebody else's,
 * not recalled) and missing otherwise, so that the index over it has just what is to be counted; `due`, likewise, is when
 * it expires.
 */

import { openDB } from "../vendor/idb.js";

const VERSION = 2;
/** The one key of the object store `sync`. */
export const ONE = 1;

/**
 * @param {string} name of the database
 * @param {() => void} superseded called when a newer version of the page wants to change the database
 */
export function open(name, superseded) {
  return openDB(name, VERSION, {
    async upgrade(/** @type {any} */ db, /** @type {number} */ before, /** @type {number} */ _, /** @type {any} */ tx) {
      if (before < 1) {
        db.createObjectStore("sync");
        db.createObjectStore("conversations", { keyPath: "conversationID" });
        const messages = db.createObjectStore("messages", { keyPath: "id" });
        messages.createIndex("place", ["conversationID", "conversationSeq"]);
        messages.createIndex("countable", ["conversationID", "countSeq"]);
        const outbox = db.createObjectStore("outbox", { keyPath: "place", autoIncrement: true });
        outbox.createIndex("messageID", "messageID", { unique: true });
        outbox.createIndex("conversation", ["conversationID", "place"]);
        db.createObjectStore("readMarks", { keyPath: "conversationID" });
      }
      tx.objectStore("messages").createIndex("due", "due");
      db.createObjectStore("blocks", { keyPath: "userID" });
      db.createObjectStore("drafts", { keyPath: "conversationID" });
      db.createObjectStore("profiles", { keyPath: "userID" });
      const config = await tx.objectStore("sync").get(ONE);
      if (config) tx.objectStore("sync").put({ ...config, lacking: true }, ONE);
    },
    blocking: superseded,
  });
}
