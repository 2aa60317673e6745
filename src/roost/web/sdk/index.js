/** The browser SDK of Roost. docs/sdk-browser.md tells how to use it. */

export { Client } from "./client.js";
export { ClientClosed, NetworkError, RoostError, StoreBelongsToAnother, Unauthenticated } from "./errors.js";
export { Login, tokens } from "./session.js";
