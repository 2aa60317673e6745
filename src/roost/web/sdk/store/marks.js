/**
 * How far the other members of a conversation have got. Marks come by the log, in a snapshot, as hints and as answers,
 * in any order; none ever goes back, so the highest holds. Of a group none is kept but where the log tells them all
 * (`marksKnown`): in larger ones there are hints alone, of which another device would not know.
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
 * Who is in a group, and how far each has read, is told by an entry; or, null, that the log will not tell it any more.
 *
 * @param {Conversation} conversation
 * @param {import("../types.js").Present[]|null} members
 * @param {string} me
 */
export function replace(conversation, members, me) {
  const before = conversation.marks ?? {};
  const others = (members ?? []).filter(({ userID }) => userID !== me);
  conversation.marks = Object.fromEntries(others.map(({ userID }) => [userID, before[userID] ?? [0, 0]]));
  conversation.marksKnown = members !== null;
  raise(conversation, others.map(({ userID, readSeq }) => ({ userID, readSeq })), me);
}

/** Whether marks of others are kept. @param {Conversation} conversation */
export function keeps(conversation) {
  return conversation.marksKnown || conversation.conversationID.startsWith("p:");
}

/**
 * Up to where all others have got and read it; 0 where that is not known.
 *
 * @param {Conversation|null|undefined} conversation
 * @returns {{delivered: number, read: number}}
 */
export function reached(conversation) {
  const marks = Object.values(conversation?.marks ?? {});
  if (!conversation || !marks.length || !keeps(conversation)) return { delivered: 0, read: 0 };
  return { read: Math.min(...marks.map(([read]) => read)), delivered: Math.min(...marks.map(([, delivered]) => delivered)) };
}
