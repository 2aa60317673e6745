/**
 * How far the other members of a conversation have got. Marks come by the log, in a snapshot, as hints and as answers,
 * in any order; none ever goes back, so the highest holds. Large groups have none.
 *
 * @typedef {import("../types.js").Mark} Mark
 * @typedef {import("../types.js").Conversation} Conversation
 */

/**
 * Raises the marks of a conversation; whether any is news.
 *
 * @param {Conversation} conversation
 * @param {Mark[]} marks
 * @param {string} me
 */
export function raise(conversation, marks, me) {
  const all = (conversation.marks ??= {});
  let news = false;
  for (const { userID, readSeq = 0, deliveredSeq = 0 } of marks) {
    if (userID === me) continue;
    const [read, delivered] = all[userID] ?? [-1, -1];
    const next = [Math.max(read, readSeq, 0), Math.max(delivered, deliveredSeq, readSeq, 0)];
    news ||= next[0] !== read || next[1] !== delivered;
    all[userID] = /** @type {[number, number]} */ (next);
  }
  return news;
}

/**
 * Up to where all others have got and read it; 0 where that is not known.
 *
 * @param {Conversation|null|undefined} conversation
 * @returns {{delivered: number, read: number}}
 */
export function reached(conversation) {
  const marks = Object.values(conversation?.marks ?? {});
  if (!marks.length || !(conversation?.marksKnown || conversation?.conversationID.startsWith("p:"))) return { delivered: 0, read: 0 };
  return { read: Math.min(...marks.map(([read]) => read)), delivered: Math.min(...marks.map(([, delivered]) => delivered)) };
}
