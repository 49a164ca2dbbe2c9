// What the pages need of their back end: the chat's address, and tokens for it.
export const id = location.hash.slice(1) || crypto.randomUUID();
// In the address, so that a reload and every tab with that address show the same chat.
location.hash = id;
export const api = `${import.meta.env.COLLOQUY}/api/chat`;

let given;
/** The page's token, a new one half a minute before it expires. */
export async function headers() {
  if (given === undefined || Date.parse(given.expireTime) < Date.now() + 30_000) {
    given = await (await fetch("/token", { method: "POST" })).json();
  }
  return { Authorization: `Bearer ${given.token}` };
}

/** Asks for something of this chat: `messages` or `stop`. */
export const ask = async (what, method = "GET") => fetch(`${api}/${id}/${what}`, { method, headers: await headers() });
