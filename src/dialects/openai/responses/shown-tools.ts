// The tools of a request as its response shows them: without what gives access to their servers.
import { elementsOf, membersOf, objectOf, textOf } from "../items/json-members.ts";

/** What becomes of a member's JSON. Undefined: it is left out. */
type Change = (json: string) => string | undefined;

const REDACTED = '"<redacted>"';
const redact: Change = () => REDACTED;

const inPolicy = change({ domain_secrets: eachElement(change({ value: redact })) });
const inContainer = change({ network_policy: inPolicy });

/** By the type of the tool. Addresses of MCP servers may have a secret anywhere after their origin. */
const CHANGES: Readonly<Record<string, Change>> = {
  mcp: change({ authorization: () => undefined, headers: eachMember(redact), server_url: originOf }),
  shell: change({ environment: inContainer }),
  code_interpreter: change({ container: inContainer }),
};

/** @param json a list of tools */
export const shownTools = eachElement((tool) => {
  const type = textOf(membersOf(tool)?.get("type")) ?? "";
  return Object.hasOwn(CHANGES, type) ? CHANGES[type]?.(tool) : tool;
});

/** Changes some members of an object; what is no object stays as it is. */
function change(changes: Readonly<Record<string, Change>>): Change {
  return (json) => mapMembers(json, (name, value) => (Object.hasOwn(changes, name) ? changes[name]?.(value) : value));
}

function eachMember(one: Change): Change {
  return (json) => mapMembers(json, (_, value) => one(value));
}

function mapMembers(json: string, map: (name: string, value: string) => string | undefined): string {
  const members = membersOf(json);
  if (members === undefined) return json;
  return objectOf(
    [...members].flatMap(([name, value]) => {
      const changed = map(name, value);
      return changed === undefined ? [] : [[name, changed] as const];
    }),
  );
}

function eachElement(one: Change): (json: string) => string {
  return (json) => {
    const elements = elementsOf(json);
    return elements === undefined ? json : `[${elements.flatMap((element) => one(element) ?? []).join(",")}]`;
  };
}

function originOf(json: string): string {
  const url = URL.parse(textOf(json) ?? "");
  return url === null || url.origin === "null" ? REDACTED : JSON.stringify(url.origin);
}
