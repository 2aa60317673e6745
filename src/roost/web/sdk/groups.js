/** What is asked of the server about groups, over HTTP. */

import { otherOf } from "./conversations.js";

export class Groups {
  /**
   * @param {import("./http.js").Http} http
   * @param {string} userID
   */
  constructor(http, userID) {
    this.http = http;
    this.userID = userID;
  }

  /** @param {string} to a user id, or a conversation id */
  conversationWith(to) {
    if (/^(p:.+:.+|g:.+)$/.test(to)) return to;
    return `p:${[this.userID, to].sort().join(":")}`;
  }

  /** The user at the other end of a private conversation; null for a group. @param {string} conversationID */
  otherOf(conversationID) {
    return otherOf(conversationID, this.userID);
  }

  /** @param {string} groupID */
  group(groupID) {
    return this.http.request("GET", `/groups/${encodeURIComponent(groupID)}`);
  }

  /** @param {string} name @param {string[]} members @param {string} [groupID] */
  createGroup(name, members, groupID) {
    return this.http.request("POST", "/groups", { name, members, groupID });
  }

  /** @param {string} groupID @param {string} name */
  renameGroup(groupID, name) {
    return this.http.request("PATCH", `/groups/${encodeURIComponent(groupID)}`, { name });
  }

  /** @param {string} groupID @param {string} userID @param {string} [role] admin or member */
  addMember(groupID, userID, role) {
    return this.http.request("PUT", `/groups/${encodeURIComponent(groupID)}/members/${encodeURIComponent(userID)}`, { role });
  }

  /** @param {string} groupID @param {string} userID */
  removeMember(groupID, userID) {
    return this.http.request("DELETE", `/groups/${encodeURIComponent(groupID)}/members/${encodeURIComponent(userID)}`);
  }

  /** @param {string} groupID */
  leaveGroup(groupID) {
    return this.http.request("POST", `/groups/${encodeURIComponent(groupID)}/leave`);
  }

  /** Ends a group for everybody, for its owner. @param {string} groupID */
  dissolveGroup(groupID) {
    return this.http.request("DELETE", `/groups/${encodeURIComponent(groupID)}`);
  }

  /** @param {string} groupID @param {import("./types.js").GroupSettings} settings those that change */
  changeGroup(groupID, settings) {
    return this.http.request("PATCH", `/groups/${encodeURIComponent(groupID)}`, settings);
  }

  /** @param {string} groupID @param {string} userID @param {number} seconds 0 ends it */
  muteMember(groupID, userID, seconds) {
    const path = `/groups/${encodeURIComponent(groupID)}/members/${encodeURIComponent(userID)}/mute`;
    return seconds ? this.http.request("PUT", path, { seconds }) : this.http.request("DELETE", path);
  }

  /**
   * The members of a group, in pages, whatever its size.
   *
   * @param {string} groupID
   * @param {string} [after] `nextAfter` of the page before
   * @param {number} [limit] of a page, up to 1,000
   * @returns {Promise<{members: import("./types.js").Member[], nextAfter: string|null}>}
   */
  members(groupID, after, limit = 100) {
    const query = new URLSearchParams({ limit: String(limit) });
    if (after) query.set("after", after);
    return this.http.request("GET", `/groups/${encodeURIComponent(groupID)}/members?${query}`);
  }

  /** Removes a member for good. @param {string} groupID @param {string} userID */
  ban(groupID, userID) {
    return this.http.request("PUT", `/groups/${encodeURIComponent(groupID)}/bans/${encodeURIComponent(userID)}`);
  }

  /** @param {string} groupID @param {string} userID */
  unban(groupID, userID) {
    return this.http.request("DELETE", `/groups/${encodeURIComponent(groupID)}/bans/${encodeURIComponent(userID)}`);
  }

  /** @param {string} groupID */
  async bans(groupID) {
    return (await this.http.request("GET", `/groups/${encodeURIComponent(groupID)}/bans`)).bans;
  }

  /** Another member is the owner from now on. @param {string} groupID @param {string} userID */
  transferGroup(groupID, userID) {
    return this.http.request("POST", `/groups/${encodeURIComponent(groupID)}/transfer`, { userID });
  }

  /**
   * An invitation; its `token` is told this once.
   *
   * @param {string} groupID
   * @param {{expiresIn?: number, maxUses?: number}} [options] seconds; times
   * @returns {Promise<{token: string, expireTime: number}>}
   */
  invite(groupID, options = {}) {
    return this.http.request("POST", `/groups/${encodeURIComponent(groupID)}/invitations`, options);
  }

  /** What an invitation leads to. @param {string} token */
  invitation(token) {
    return this.http.request("GET", `/invitations/${encodeURIComponent(token)}`);
  }

  /** Comes in; the answer is the group. @param {string} token */
  join(token) {
    return this.http.request("POST", `/invitations/${encodeURIComponent(token)}/join`);
  }
}
