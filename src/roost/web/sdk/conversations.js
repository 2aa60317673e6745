/** Names of conversations: `p:` and two users, `g:` and a group. */

/**
 * The user at the other end of a private conversation (oneself, in the one with oneself); null for a group.
 *
 * @param {string} conversationID
 * @param {string} userID
 * @returns {string|null}
 */
export function otherOf(conversationID, userID) {
  const [kind, ...names] = conversationID.split(":");
  if (kind !== "p") return null;
  return names.find((name) => name !== userID) ?? userID;
}
