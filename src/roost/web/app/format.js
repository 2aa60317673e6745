/** Times and names as people read them. */

import { language, t } from "./i18n.js";

const DAY = 86_400_000;

/** The language of the page, as it is written where the reader is. */
function locale() {
  return navigator.languages.find((one) => one.startsWith(language.value)) ?? language.value;
}

/** @param {number} time */
export function clock(time) {
  return new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit" }).format(time);
}

/** The day of a message, as it stands between messages. @param {number} time */
export function day(time) {
  const today = new Date().setHours(0, 0, 0, 0);
  if (time >= today) return t("today");
  if (time >= today - DAY) return t("yesterday");
  return new Intl.DateTimeFormat(locale(), { dateStyle: "full" }).format(time);
}

/** A time in the list: the clock today, the date before. @param {number} time */
export function short(time) {
  if (time >= new Date().setHours(0, 0, 0, 0)) return clock(time);
  return new Intl.DateTimeFormat(locale(), { month: "short", day: "numeric" }).format(time);
}

/** A time with its day. @param {number} time */
export function moment(time) {
  return new Intl.DateTimeFormat(locale(), { weekday: "short", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }).format(time);
}

/** A time as a field for one has it. @param {Date} time */
export function asField(time) {
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** @param {number} a @param {number} b */
export function sameDay(a, b) {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/** A colour of its own for everybody, by name; which one is in the style sheet. @param {string} name */
export function hue(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 8;
  return `hue-${sum}`;
}

/** @param {string} name */
export function initial(name) {
  return ([...name][0] ?? "?").toUpperCase();
}

/** A size as people read it. @param {number} size bytes */
export function bytes(size) {
  const step = size < 1000 ? 0 : size < 1e6 ? 1 : size < 1e9 ? 2 : 3;
  const value = size / 1000 ** step;
  return `${step && value < 10 ? value.toFixed(1) : Math.round(value)} ${["B", "kB", "MB", "GB"][step]}`;
}
