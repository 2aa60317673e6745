/**
 * Messages that expire: by this device's own clock, also while it is offline. What is left of one is what the server
 * leaves of it: a message that was recalled when its time was over.
 */

import { Book } from "./apply.js";

/**
 * Empties the messages whose time is over; part of the caller's transaction over `messages` and `conversations`.
 *
 * @param {any} tx
 * @param {string} userID
 * @param {number} now
 * @returns {Promise<{conversations: string[], next: number|null}>} those that changed, and when the next expires
 */
export async function expire(tx, userID, now) {
  const book = new Book(tx, userID);
  const store = tx.objectStore("messages");
  for (const record of await store.index("due").getAll(IDBKeyRange.upperBound(now))) {
    const { due, countSeq: _, mentions: __, reactions: ___, pinned: ____, attachments: _____, sticker: ______, ...left } = record;
    const { id, ...message } = { ...left, content: "", recallTime: due };
    store.put({ ...message, id });
    const conversation = await book.conversation(message.conversationID);
    if (conversation.lastMessage?.serverMsgID === message.serverMsgID) conversation.lastMessage = message;
  }
  await book.close();
  const next = await store.index("due").openKeyCursor();
  return { conversations: [...book.touched.keys()], next: next?.key ?? null };
}
