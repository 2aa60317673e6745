/** Pictures that the server has, small: each is asked for once, and kept for showing it again. */

import { useEffect, useState } from "./ui.js";

/** Pictures whose bytes are kept. */
const KEPT = 300;

/** @type {import("../sdk/client.js").Client|null} */
let client = null;
/** Addresses by the file's id, empty where there is no such picture; the ones longest unused go. @type {Map<string, string>} */
const addresses = new Map();
/** @type {Map<string, Promise<string>>} */
const asked = new Map();

/** Somebody has signed in: what was shown to others before is forgotten. @param {import("../sdk/client.js").Client} made */
export function showTo(made) {
  client = made;
  for (const address of addresses.values()) URL.revokeObjectURL(address);
  addresses.clear();
  asked.clear();
}

/** The address of a picture if it is here, else nothing. @param {string|undefined} id */
export function kept(id) {
  return (id && addresses.get(id)) || "";
}

/** The address of a picture, empty where there is none. @param {string} id @returns {Promise<string>} */
export function pictureOf(id) {
  const known = addresses.get(id);
  if (known !== undefined) return Promise.resolve(keep(id, known));
  const asking = asked.get(id) ?? ask(id).finally(() => asked.delete(id));
  asked.set(id, asking);
  return asking;
}

/** @param {string} id */
async function ask(id) {
  const [one, blob] = [client, await client?.avatar(id)];
  return one === client ? keep(id, blob ? URL.createObjectURL(blob) : "") : "";
}

/** @param {string} id @param {string} address */
function keep(id, address) {
  addresses.delete(id);
  addresses.set(id, address);
  for (const [oldest, old] of addresses) {
    if (addresses.size <= KEPT) break;
    addresses.delete(oldest);
    URL.revokeObjectURL(old);
  }
  return address;
}

/** The address of a picture, when it is there; empty until then, and where none is named. @param {string|undefined} id */
export function usePicture(id) {
  const [url, setURL] = useState(kept(id));
  useEffect(() => {
    let ended = false;
    setURL(kept(id));
    if (id) pictureOf(id).then((address) => ended || setURL(address), () => {}); // offline: the next time
    return () => void (ended = true);
  }, [id]);
  return url;
}
