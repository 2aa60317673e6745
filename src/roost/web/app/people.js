/** Who people are: their names, pictures and lines, and whom one has blocked. */

import { isFile } from "../sdk/avatars.js";
import { hue, initial } from "./format.js";
import { isShown } from "./images.js";
import { showTo, usePicture } from "./pictures.js";
import { html, signal } from "./ui.js";

/**
 * @typedef {import("../sdk/types.js").Profile} Profile
 * @typedef {import("../sdk/client.js").Client} Client
 * @typedef {"tiny"|"small"|"large"} Size
 */

/** Milliseconds for which names are collected that are then asked for at once. */
const GATHER = 30;

/** @type {import("./ui.js").Signal<Record<string, Profile>>} */
const profiles = signal({});
/** Whom one has blocked. @type {import("./ui.js").Signal<Set<string>>} */
export const blocked = signal(/** @type {Set<string>} */ (new Set()));

/** @type {Client|null} */
let client = null;
/** @type {Set<string>} */
let asked = new Set();
/** @type {string[]} */
let wanted = [];

/** Somebody has signed in. @param {Client} made */
export async function meet(made) {
  client = made;
  showTo(made);
  profiles.value = {};
  asked = new Set();
  made.on("profile", ({ userID }) => void made.keptProfiles([userID]).then(learn));
  made.on("block", () => void readBlocked(made));
  made.on("reset", () => void readBlocked(made));
  await readBlocked(made);
}

/** @param {Client} made */
async function readBlocked(made) {
  blocked.value = new Set((await made.blocked()).map(({ userID }) => userID));
}

/** @param {Record<string, Profile>} found */
function learn(found) {
  profiles.value = { ...profiles.value, ...found };
}

/** What somebody says of itself, asked for where that is not known. @param {string} userID @returns {Profile|undefined} */
export function profileOf(userID) {
  if (!asked.has(userID)) {
    asked.add(userID);
    if (wanted.push(userID) === 1) setTimeout(() => void ask(), GATHER);
  }
  return profiles.value[userID];
}

async function ask() {
  const [one, names] = [client, wanted];
  wanted = [];
  if (one === null) return;
  try {
    learn(await one.keptProfiles(names));
    learn(await one.profiles(names));
  } catch (error) {
    console.info("profiles were not read:", error); // the names of before, or the user ids, do
  }
}

/** What somebody is called. @param {string} userID */
export function nameOf(userID) {
  return profileOf(userID)?.displayName || userID;
}

/** The same, where it is known: for looking through many. @param {string} userID */
export function knownName(userID) {
  return profiles.value[userID]?.displayName || userID;
}

/**
 * Somebody's picture, or the first letter. `bare`: the letter, whatever there is.
 *
 * @param {{of: string, size?: Size, here?: boolean, bare?: boolean}} props
 */
export function Face({ of, size, here, bare }) {
  return html`<span class="face ${size ?? ""} ${hue(of)}" aria-hidden="true">
    <${Shown} avatar=${bare ? undefined : profileOf(of)?.avatar} letter=${initial(nameOf(of))} />${here && html`<i class="here"></i>`}
  </span>`;
}

/** The same of a group. @param {{title: string, avatar?: string, size?: Size}} props */
export function GroupFace({ title, avatar, size }) {
  return html`<span class="face ${size ?? ""} ${hue(title)}" aria-hidden="true"><${Shown} avatar=${avatar} letter=${initial(title)} /></span>`;
}

/** A picture that was uploaded, or one of a host that the operator lets in. @param {{avatar?: string, letter: string}} props */
function Shown({ avatar, letter }) {
  const url = usePicture(isFile(avatar) ? avatar : undefined) || (isShown(avatar) ? avatar : "");
  return url ? html`<img src=${url} alt="" />` : letter;
}
