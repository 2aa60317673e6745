/**
 * What the client tells an application. Handlers run one after the other, and a handler that throws is reported on the
 * console and harms nobody else.
 *
 * | event | detail |
 * |---|---|
 * | `state` | `{state, reason}`: disconnected, connecting, syncing, connected |
 * | `progress` | `{done, total}`: entries of a long catch-up that are stored |
 * | `changed` | `{conversations: string[]}`: draw them anew |
 * | `received` | `{messages: Message[]}`: messages of others that came in live or by catching up |
 * | `sent`, `failed` | `{messageID, conversationID, error?}`: what became of a message of the outbox |
 * | `uploading` | `{messageID, conversationID, loaded, total}`: bytes of the files of a message of the outbox |
 * | `typing` | `{conversationID, userID}` |
 * | `presence` | `{users: Record<string, {online: boolean, lastSeen?: number}>}` |
 * | `block` | `{userID, blocked}`: this user has blocked another, or no longer, here or on another device |
 * | `draft` | `{conversationID, content}`: what this user has begun to write is another, here or on another device |
 * | `scheduledFailed` | `{conversationID, messageID, error}`: a scheduled message was refused; `error` is the word for why |
 * | `profile` | `{userID, version}`: the profile of a user is another; `keptProfiles` has it where it was asked for |
 * | `reset` | `{}`: the store was rebuilt from a snapshot |
 * | `signedOut` | `{error}`: the token is refused, and there is no other |
 *
 * @typedef {"state"|"progress"|"changed"|"received"|"sent"|"failed"|"uploading"|"typing"|"presence"|"block"|"draft"|"scheduledFailed"|"profile"|"reset"|"signedOut"} EventName
 * @typedef {EventName|"response"} News what the tab with the connection tells the others
 */

export class Emitter {
  /** @type {Map<string, Set<(detail: any) => void>>} */
  #handlers = new Map();

  /**
   * @param {EventName} name
   * @param {(detail: any) => void} handler
   * @returns {() => void} ends it
   */
  on(name, handler) {
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers.add(handler));
    return () => handlers.delete(handler);
  }

  /**
   * @param {EventName} name
   * @param {any} detail
   */
  emit(name, detail) {
    for (const handler of [...(this.#handlers.get(name) ?? [])]) {
      try {
        handler(detail);
      } catch (error) {
        console.error(`a handler of ${name} failed`, error);
      }
    }
  }
}
