/**
 * What this user has begun to write, here or on another device. What was written here stays until the server has it,
 * whatever comes from others meanwhile: the last writer wins there. Each function is part of the caller's transaction.
 */

/** @typedef {import("../types.js").Draft} Draft */

/**
 * This device has another draft; false where it has the same.
 *
 * @param {any} tx
 * @param {string} conversationID
 * @param {string} content
 * @param {number} now
 */
export async function writeDraft(tx, conversationID, content, now) {
  const known = await tx.objectStore("drafts").get(conversationID);
  if (content === (known?.content ?? "")) return false;
  tx.objectStore("drafts").put({ conversationID, content, version: known?.version ?? 0, updateTime: now, told: false });
  return true;
}

/**
 * The server has this; whether what is shown here is another by it.
 *
 * @param {any} tx
 * @param {Draft} draft
 */
export async function applyDraft(tx, draft) {
  const { conversationID, content, version, updateTime } = draft;
  const store = tx.objectStore("drafts");
  const known = await store.get(conversationID);
  if (known !== undefined && version < known.version) return false;
  const untold = known !== undefined && !known.told && known.content !== content;
  store.put(untold ? { ...known, version } : { conversationID, content, version, updateTime, told: true });
  return !untold && content !== (known?.content ?? "");
}

/** The server does not take this; it stays here, and is told no more. @param {any} tx @param {Draft} draft */
export async function refuseDraft(tx, draft) {
  const known = await tx.objectStore("drafts").get(draft.conversationID);
  if (known?.content === draft.content) tx.objectStore("drafts").put({ ...known, told: true });
}

/** The server has these, and no others. @param {any} tx @param {Draft[]} drafts */
export async function replaceDrafts(tx, drafts) {
  const store = tx.objectStore("drafts");
  for (const known of await store.getAll()) {
    if (known.told) store.delete(known.conversationID);
    else store.put({ ...known, version: 0 });
  }
  for (const draft of drafts) await applyDraft(tx, draft);
}

/** Those that are not empty. @param {any} tx @returns {Promise<Draft[]>} */
export async function draftsIn(tx) {
  const all = await tx.objectStore("drafts").getAll();
  return all.filter((/** @type {Draft} */ { content }) => content);
}

/** What the server does not have. @param {any} tx @returns {Promise<Draft[]>} */
export async function untoldDrafts(tx) {
  const all = await tx.objectStore("drafts").getAll();
  return all.filter((/** @type {Draft} */ { told }) => !told);
}
