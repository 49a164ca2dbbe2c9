// F-HOT: what people reported of other products' tags, kept pages and lists by activity, tried on these.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

interface Page {
  readonly messages: readonly { readonly id: string; readonly content: string }[];
  readonly conversations: readonly { readonly id: string }[];
  readonly nextPageToken: string;
  readonly memberView: { readonly unreadCount: number };
  readonly id: string;
}

let server: IdentityServer;
let key: Credential;
beforeAll(async () => {
  server = await startIdentityServer();
  const tenant = await server.tenant();
  for (const member of ["ann", "bob", "cid"]) await tenant.addMember(member);
  key = (await tenant.key("read", "write", "admin")).credential;
});
afterAll(() => server.close());

async function call(method: string, path: string, body?: object, headers: Credential = {}) {
  const type = body && { "content-type": "application/json" };
  const init = { method, headers: { ...key, ...type, ...headers }, ...(body && { body: JSON.stringify(body) }) };
  const answer = await fetch(`${server.url}/v1/${path}`, init);
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, page: (text === "" ? {} : JSON.parse(text)) as Page };
}

const as = (member: string): Credential => ({ "x-act-for": member });

/** A conversation of Ann and Bob with a message, how its page is read, and the tag that the page has. */
async function kept(contents: readonly string[], query = "") {
  const messages = contents.map((content) => ({ content }));
  const made = await call("POST", "conversations", { conversation: {}, participantIds: ["ann", "bob"], messages });
  const path = `conversations/${made.page.id}/messages`;
  const read = (headers: Credential = {}) => call("GET", path + query, undefined, headers);
  // It is kept from the second time on.
  for (let time = 0; time < 2; time++) await read();
  const first = await read();
  const [message] = first.page.messages;
  const edit = (content: string) => call("PATCH", `messages/${message?.id}`, { content });
  return { id: made.page.id, path, read, edit, tag: first.headers.get("etag") ?? "", message: message?.id };
}

async function idsByActivity(size: number): Promise<string[]> {
  const ids: string[] = [];
  for (let token = ""; ; ) {
    const asked = `pageSize=${size}&order=CONVERSATION_ORDER_LATEST_ACTIVITY_FIRST&pageToken=${encodeURIComponent(token)}`;
    const { page } = await call("GET", `conversations?${asked}`, undefined, as("cid"));
    ids.push(...page.conversations.map(({ id }) => id));
    token = page.nextPageToken;
    if (token === "") return ids;
  }
}

test.each<[report: string, holds: string, run: () => Promise<unknown>, outcome: unknown]>([
  [
    "express#2667",
    "pages of one character each have a tag each",
    async () => {
      const { read, edit } = await kept(["a"]);
      const tags = new Set<string | null>();
      for (const letter of "bcdefghijk") {
        await edit(letter);
        tags.add((await read()).headers.get("etag"));
      }
      return tags.size;
    },
    10,
  ],
  [
    "turtle.io#139",
    "a tag from before an edit and its reversal is old",
    async () => {
      const { read, edit, tag } = await kept(["a"]);
      await edit("b");
      await edit("a");
      return (await read({ "if-none-match": tag })).status;
    },
    200,
  ],
  [
    "mattermost#11618",
    "an empty page that is kept shows what comes next",
    async () => {
      const { path, read, tag } = await kept(["a"], "?afterSeq=3");
      await call("POST", path, { content: "new" });
      return (await read({ "if-none-match": tag })).page.messages.map(({ content }) => content);
    },
    ["new"],
  ],
  [
    "inertia-rails#383",
    "a tag of one form of a page is none of another",
    async () => {
      const { path, tag } = await kept(["a", "b"]);
      return (await call("GET", `${path}?pageSize=1`, undefined, { "if-none-match": tag })).status;
    },
    200,
  ],
  [
    "alchemy_cms#498",
    "a tag of one reader is none of another",
    async () => {
      const { read, tag } = await kept(["a"]);
      return (await read({ "if-none-match": tag, ...as("ann") })).status;
    },
    200,
  ],
  [
    "express#5916",
    "a time says nothing where there is a tag",
    async () => {
      const { read } = await kept(["a"]);
      const headers = { "if-none-match": '"other"', "if-modified-since": "Tue, 01 Jan 2030 00:00:00 GMT" };
      return (await read(headers)).status;
    },
    200,
  ],
  [
    "rustango#1258",
    "a list of tags, `*` and the tag that Apache made are known, and a 304 says how to keep it",
    async () => {
      const { read, tag } = await kept(["a"]);
      const sent = [`"x", ${tag}`, "*", tag.replace(/"$/, '-gzip"')];
      const answers = await Promise.all(sent.map((value) => read({ "if-none-match": value })));
      return answers.map(({ status, headers }) => [status, headers.get("cache-control"), headers.get("etag") === tag]);
    },
    [1, 2, 3].map(() => [304, "private, no-cache", true]),
  ],
  [
    "zulip#29737",
    "a reaction is on the kept page of each reader, and gone with its removal",
    async () => {
      const { read, tag, message } = await kept(["a"]);
      await call("POST", `messages/${message}/reactions`, { reaction: ":up:" }, as("bob"));
      const reacted = (await read({ "if-none-match": tag })).page.messages[0] as unknown as { reactions: object[] };
      await call("DELETE", `messages/${message}/reactions/:up:`, undefined, as("bob"));
      const after = (await read()).page.messages[0] as unknown as { reactions?: object[] };
      return [reacted.reactions.length, after.reactions?.length ?? 0];
    },
    [1, 0],
  ],
  [
    "synapse#15698",
    "what is deleted unread is no longer counted",
    async () => {
      const { id, path, read } = await kept([]);
      for (const content of ["1", "2", "3"]) await call("POST", path, { content }, as("ann"));
      const unread = async () =>
        (await call("GET", `conversations/${id}`, undefined, as("bob"))).page.memberView.unreadCount;
      const counts = [await unread()];
      for (const one of (await read()).page.messages) await call("DELETE", `messages/${one.id}`);
      return [...counts, await unread()];
    },
    [3, 0],
  ],
  [
    "stream-chat-react-native#1649, Rocket.Chat#18639",
    "lists by activity have the same conversations in the same order for each size, those without messages too",
    async () => {
      const made: string[] = [];
      for (let n = 0; n < 7; n++) {
        const messages = n % 2 === 0 ? [{ content: "a" }] : [];
        made.unshift((await call("POST", "conversations", { conversation: {}, messages }, as("cid"))).page.id);
      }
      const lists = [await idsByActivity(2), await idsByActivity(3), await idsByActivity(50)];
      return lists.map((list) => list.length === made.length && list.every((id, index) => id === made[index]));
    },
    [true, true, true],
  ],
])("F-HOT: %s: %s", async (_, __, run, outcome) => {
  expect(await run()).toEqual(outcome);
});
