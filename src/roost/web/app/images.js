/** Pictures of other hosts: those that the operator lets in (`server.images`); the content security policy says the same. */

const HOSTS = new Set(document.querySelector('meta[name="roost:images"]')?.getAttribute("content")?.split(" ").filter(Boolean));

/** Whether the page may show the picture under an address. @param {string|undefined} url */
export function isShown(url) {
  return url !== undefined && URL.canParse(url) && HOSTS.has(new URL(url).origin);
}
