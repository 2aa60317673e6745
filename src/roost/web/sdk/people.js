/** What a client keeps of people and for oneself: blocks, profiles, drafts. */

import { NetworkError } from "./errors.js";
import { Requests } from "./requests.js";
import { draftsIn, writeDraft } from "./store/drafts.js";
import { blocksIn, keepProfiles, profilesIn, turnBlock } from "./store/people.js";

/** Users in one question of profiles. */
const ASKED = 500;

/**
 * @typedef {import("./types.js").Profile} Profile
 * @typedef {import("./types.js").OwnProfile} OwnProfile
 */

export class People extends Requests {
  /** @returns {import("./store/store.js").Store} */
  get store() {
    throw new Error("a client has one");
  }

  /** Tells all tabs. @param {import("./events.js").EventName} _name @param {any} _detail */
  tell(_name, _detail) {}

  /** Asks the tab that has the connection. @param {string} _what */
  wish(_what) {}

  // --- blocks ---

  /** Whom this user has blocked, the latest first. */
  blocked() {
    return this.store.read(["blocks"], blocksIn);
  }

  /**
   * Takes no private messages of a user any more, who learns nothing of this one's presence, typing and reading.
   *
   * @param {string} userID
   */
  async block(userID) {
    await this.http.request("PUT", `/blocks/${encodeURIComponent(userID)}`);
    await this.#turnBlock(userID, true);
  }

  /** Takes that back. @param {string} userID */
  async unblock(userID) {
    await this.http.request("DELETE", `/blocks/${encodeURIComponent(userID)}`);
    await this.#turnBlock(userID, false);
  }

  /** @param {string} userID @param {boolean} blocked */
  async #turnBlock(userID, blocked) {
    const news = await this.store.write(["blocks"], (tx) => turnBlock(tx, userID, blocked, Date.now()));
    if (news) this.tell("block", { userID, blocked });
  }

  // --- profiles ---

  /**
   * The profiles of these users as they are now; offline, as they are remembered. Who is not known is left out.
   *
   * @param {string[]} userIDs
   * @returns {Promise<Record<string, Profile>>}
   */
  async profiles(userIDs) {
    /** @type {Profile[]} */
    const found = [];
    try {
      for (let first = 0; first < userIDs.length; first += ASKED) {
        const names = userIDs.slice(first, first + ASKED).map(encodeURIComponent).join(",");
        const { users } = await this.http.request("GET", `/users?userIDs=${names}`);
        await this.store.write(["profiles"], (tx) => keepProfiles(tx, users));
        found.push(...users);
      }
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      return this.keptProfiles(userIDs);
    }
    return byName(found);
  }

  /** The profile of a user; undefined where there is no such user, or offline none is remembered. @param {string} userID */
  async profile(userID) {
    return (await this.profiles([userID]))[userID];
  }

  /** What is remembered of these users, without asking. @param {string[]} userIDs @returns {Promise<Record<string, Profile>>} */
  async keptProfiles(userIDs) {
    return byName(await this.store.read(["profiles"], (tx) => profilesIn(tx, userIDs)));
  }

  /** This user's own profile, with who sees its presence. @returns {Promise<OwnProfile>} */
  ownProfile() {
    return this.http.request("GET", "/users/me");
  }

  /**
   * Changes it: what is not named stays, "" takes it away.
   *
   * @param {{displayName?: string, avatar?: string, status?: string, presence?: OwnProfile["presence"]}} change
   * @returns {Promise<OwnProfile>}
   */
  async setProfile(change) {
    const changed = await this.http.request("PATCH", "/users/me", change);
    const { presence: _, ...shown } = changed;
    const news = await this.store.write(["profiles"], (tx) => keepProfiles(tx, [shown]));
    if (news.length) this.tell("profile", { userID: this.userID, version: shown.version });
    return changed;
  }

  // --- drafts ---

  /**
   * Keeps what this user has begun to write; empty is nothing. It is here at once, and on the other devices soon.
   * Sending clears it.
   *
   * @param {string} to a user id, or a conversation id
   * @param {string} content
   */
  async saveDraft(to, content) {
    const conversationID = this.conversationWith(to);
    if (!(await this.store.write(["drafts"], (tx) => writeDraft(tx, conversationID, content, Date.now())))) return;
    this.tell("draft", { conversationID, content });
    this.wish("drafts");
  }

  /** What was begun in a conversation, here or on another device; empty is nothing. @param {string} to */
  async draft(to) {
    const conversationID = this.conversationWith(to);
    const found = await this.store.read(["drafts"], (tx) => tx.objectStore("drafts").get(conversationID));
    return /** @type {string} */ (found?.content ?? "");
  }

  /** What was begun in any conversation. */
  drafts() {
    return this.store.read(["drafts"], draftsIn);
  }
}

/** @param {Profile[]} profiles @returns {Record<string, Profile>} */
function byName(profiles) {
  return Object.fromEntries(profiles.map((one) => [one.userID, one]));
}
