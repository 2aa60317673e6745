/** Pictures of people and groups: uploaded, and shown. */

import { RoostError } from "./errors.js";
import { People } from "./people.js";

export class Avatars extends People {
  /** Uploads a picture, and shows it in one's profile: everybody sees it small. @param {Blob} picture */
  async setAvatar(picture) {
    return this.setProfile({ avatar: await this.#uploaded(picture) });
  }

  /** The same for a group, whose members see it. @param {string} groupID @param {Blob} picture */
  async setGroupAvatar(groupID, picture) {
    return this.changeGroup(groupID, { avatar: await this.#uploaded(picture) });
  }

  /**
   * The uploaded picture that an `avatar` of a profile or a group names; null where it names none, or one that is gone.
   *
   * @param {string|undefined} avatar
   */
  async avatar(avatar) {
    return isFile(avatar) ? found(this.file(avatar, { thumbnail: true })) : null;
  }

  /** The picture of the group that an invitation leads to; null where it has none. @param {string} token */
  avatarOfInvitation(token) {
    return found(this.http.blob(`/invitations/${encodeURIComponent(token)}/avatar`));
  }

  /** @param {Blob} picture @returns {Promise<string>} the id of the file */
  async #uploaded(picture) {
    const form = new FormData();
    form.append("file", picture, "avatar");
    return (await this.http.request("POST", "/attachments", form)).id;
  }
}

/** Whether an avatar is an uploaded file, and no address or other text. @param {string|undefined} avatar @returns {avatar is string} */
export function isFile(avatar) {
  return /^[0-9a-f]{32}$/.test(avatar ?? "");
}

/** @param {Promise<Blob>} asked @returns {Promise<Blob|null>} */
async function found(asked) {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RoostError && error.slug === "unknown_attachment") return null;
    throw error;
  }
}
