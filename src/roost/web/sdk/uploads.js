/**
 * Files on their way to the server, in pieces that go on after a broken connection (the core of tus 1.0: docs/http.md).
 * What of a file is there, the server knows; which upload it is, the outbox keeps, so a reload loses nothing.
 */

import { errorOf, NetworkError, RoostError, Unauthenticated } from "./errors.js";

/**
 * @typedef {import("./types.js").Unsent} Unsent
 * @typedef {import("./types.js").UnsentFile} UnsentFile
 */

const TUS = { "Tus-Resumable": "1.0.0" };
/** Times that a file is begun anew, where the server knows of no such upload or of another offset. */
const TRIES = 3;

export class Uploads {
  /**
   * @param {import("./http.js").Http} http
   * @param {import("./store/store.js").Store} store
   * @param {(unsent: Unsent, loaded: number, total: number) => void} tell how far the files of a message are, in bytes
   */
  constructor(http, store, tell) {
    this.transfer = new Transfer(http);
    this.store = store;
    this.tell = tell;
  }

  /**
   * Brings the files of a message that are not there yet; what has come is noted in the outbox. Raises what the server
   * refuses, and `NetworkError`.
   *
   * @param {Unsent} unsent
   */
  async bring(unsent) {
    const files = unsent.files ?? [];
    const total = files.reduce((sum, { blob }) => sum + blob.size, 0);
    let before = 0;
    for (const [index, file] of files.entries()) {
      /** @param {Partial<UnsentFile>} news */
      const note = async (news) => {
        Object.assign(file, news);
        await this.store.changeUnsent(unsent.messageID, (kept) => {
          const noted = (kept.files ?? []).map((one, at) => (at === index ? { ...one, ...news } : one));
          return { ...kept, files: noted };
        });
      };
      const start = before;
      if (!file.attachment) await this.transfer.bring(file, note, (loaded) => this.tell(unsent, start + loaded, total));
      before += file.blob.size;
    }
  }
}

/** One file on its way. */
export class Transfer {
  /** @param {import("./http.js").Http} http */
  constructor(http) {
    this.http = http;
  }

  /**
   * Brings it, from where it was cut; `note` keeps what is known of it. Raises what the server refuses, and `NetworkError`.
   *
   * @param {UnsentFile} file
   * @param {(news: Partial<UnsentFile>) => Promise<void>} note
   * @param {(loaded: number) => void} progress
   */
  async bring(file, note, progress) {
    for (let left = TRIES; ; left--) {
      try {
        const offset = file.uploadID ? await this.#offset(file.uploadID) : 0;
        if (!file.uploadID) await note({ uploadID: await this.#begin(file) });
        const body = offset ? file.blob.slice(offset) : file.blob;
        const headers = { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
        const answer = await this.#ask("PATCH", `/uploads/${file.uploadID}`, headers, body, (loaded) => progress(offset + loaded));
        return await note({ attachment: answer.data, uploadID: undefined });
      } catch (error) {
        const lost = error instanceof RoostError && (error.code >= 40400 && error.code < 40500 || error.slug === "wrong_offset");
        if (!lost || left <= 1) throw error;
        if (error.slug !== "wrong_offset") await note({ uploadID: undefined });
      }
    }
  }

  /** @param {UnsentFile} file @returns {Promise<string>} the upload's id */
  async #begin({ blob, name }) {
    const bytes = new TextEncoder().encode(name);
    const named = btoa(String.fromCharCode(...bytes));
    const headers = { "Upload-Length": String(blob.size), "Upload-Metadata": `filename ${named}` };
    return (await this.#ask("POST", "/uploads", headers)).data.id;
  }

  /** Bytes that the server has. @param {string} id */
  async #offset(id) {
    return Number((await this.#ask("HEAD", `/uploads/${id}`, {})).header("Upload-Offset"));
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Record<string, string>} headers
   * @param {Blob} [body]
   * @param {(loaded: number) => void} [progress]
   */
  async #ask(method, path, headers, body, progress) {
    const all = { ...TUS, ...headers };
    try {
      return await ask(method, this.http.base + path, { ...all, ...bearer(await this.http.session.token()) }, body, progress);
    } catch (error) {
      if (!(error instanceof Unauthenticated)) throw error;
    }
    return ask(method, this.http.base + path, { ...all, ...bearer(await this.http.session.renewed()) }, body, progress);
  }
}

/** @param {string} token */
function bearer(token) {
  return { Authorization: `Bearer ${token}` };
}

/**
 * `fetch` does not tell how much of a body has left; this does.
 *
 * @param {string} method
 * @param {string} url
 * @param {Record<string, string>} headers
 * @param {Blob} [body]
 * @param {(loaded: number) => void} [progress]
 * @returns {Promise<{data: any, header: (name: string) => string|null}>}
 */
function ask(method, url, headers, body, progress) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => progress?.(loaded);
    request.onerror = request.ontimeout = () => failed(new NetworkError("The server can't be reached."));
    request.onload = () => {
      const answer = parsed(request.responseText);
      const { status } = request;
      if (status < 300) return done({ data: answer?.data, header: (name) => request.getResponseHeader(name) });
      const retryAfter = Number(request.getResponseHeader("Retry-After")) || undefined;
      failed(errorOf(answer ? { ...answer, retryAfter } : { code: status * 100, message: `The server said ${status}.` }));
    };
    request.send(body ?? null);
  });
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // HEAD has no body, and what stands before the server may send what it likes
  }
}
