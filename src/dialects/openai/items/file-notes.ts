// What is noted beside a file of a content part: how its client wrote it. Such notes stand among the part's own members.
import { HEAD } from "../../shared/files/form.ts";
import { type Members, textOf } from "./json-members.ts";

/** The name of what says how the file was given, if not by an id or by a data URL in the member for URLs. */
export const GIVEN_IN = "urlIn";
/** Its bytes, in the member of this name. */
const FILE_DATA = "file_data";
/** The URL of its content. */
const CONTENT_URL = "content_url";
/** Names of a client's own members that could be taken for notes have one more of these. */
const ESCAPE = "~";
const NAMES = new RegExp(`^${ESCAPE}*(?:${HEAD}|${GIVEN_IN})$`);

export interface FileNotes {
  /** What stood before the base64 of the data URL that is a stored file now; empty: bare base64. */
  readonly head: string | undefined;
  readonly isFileData: boolean;
  readonly isContentUrl: boolean;
}

/** Lets members stand beside a file, whatever their names are. */
export function escapeNames(members: Members): void {
  for (const [name, json] of taken(members)) members.set(ESCAPE + name, json);
}

export function noteFileData(members: Members): void {
  members.set(GIVEN_IN, JSON.stringify(FILE_DATA));
}

export function noteContentUrl(members: Members): void {
  members.set(GIVEN_IN, JSON.stringify(CONTENT_URL));
}

export function noteHead(members: Members, head: string): void {
  members.set(HEAD, JSON.stringify(head));
}

/** Takes the notes from what stands beside a file, and gives the client's members their names again. */
export function takeNotes(members: Members): FileNotes {
  const head = textOf(members.get(HEAD));
  const givenIn = textOf(members.get(GIVEN_IN));
  for (const [name, json] of taken(members)) {
    if (name.startsWith(ESCAPE)) members.set(name.slice(ESCAPE.length), json);
  }
  return { head, isFileData: givenIn === FILE_DATA, isContentUrl: givenIn === CONTENT_URL };
}

/** Notes and names that could be taken for them, which are no longer among the members. */
function taken(members: Members): [name: string, json: string][] {
  const found = [...members].filter(([name]) => NAMES.test(name));
  for (const [name] of found) members.delete(name);
  return found;
}
