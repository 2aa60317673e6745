/** Whom this user has blocked, and the profiles that were asked for; each function is part of the caller's transaction. */

/**
 * @typedef {import("../types.js").Block} Block
 * @typedef {import("../types.js").Profile} Profile
 */

/**
 * Blocks a user, or no longer; whether that is news. The time is the server's when the change comes by the log.
 *
 * @param {any} tx
 * @param {string} userID
 * @param {boolean} blocked
 * @param {number} blockTime
 */
export async function turnBlock(tx, userID, blocked, blockTime) {
  const store = tx.objectStore("blocks");
  const known = (await store.get(userID)) !== undefined;
  if (blocked) store.put({ userID, blockTime });
  else store.delete(userID);
  return known !== blocked;
}

/** The server has these, and no others. @param {any} tx @param {Block[]} blocks */
export function replaceBlocks(tx, blocks) {
  tx.objectStore("blocks").clear();
  for (const block of blocks) tx.objectStore("blocks").put(block);
}

/** The latest first. @param {any} tx @returns {Promise<Block[]>} */
export async function blocksIn(tx) {
  const all = await tx.objectStore("blocks").getAll();
  return all.sort((/** @type {Block} */ a, /** @type {Block} */ b) => b.blockTime - a.blockTime);
}

/**
 * Remembers profiles, of two of one user the later; those that are news.
 *
 * @param {any} tx
 * @param {Profile[]} profiles
 * @returns {Promise<Profile[]>}
 */
export async function keepProfiles(tx, profiles) {
  const store = tx.objectStore("profiles");
  const known = await Promise.all(profiles.map(({ userID }) => store.get(userID)));
  const news = profiles.filter(({ version }, index) => version > (known[index]?.version ?? -1));
  for (const profile of news) store.put(profile);
  return news;
}

/** Those that are remembered. @param {any} tx @param {string[]} userIDs @returns {Promise<Profile[]>} */
export async function profilesIn(tx, userIDs) {
  const found = await Promise.all(userIDs.map((userID) => tx.objectStore("profiles").get(userID)));
  return found.filter((one) => one !== undefined);
}
