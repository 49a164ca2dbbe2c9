// What is noted beside a file of a content part: how its client wrote it. Such notes stand among the part's own members.
import { HEAD } from "../../shared/files/form.ts";
import { type Members, textOf } from "./json-members.ts";

/** The name of the member that had the bytes, if it is not the one for URLs. */
const MEMBER = "urlIn";
const FILE_DATA = "file_data";
/** Names of a client's own members that could be taken for notes have one more of these. */
const ESCAPE = "~";
const NAMES = new RegExp(`^${ESCAPE}*(?:${HEAD}|${MEMBER})$`);

export interface FileNotes {
  /** What stood before the base64 of the data URL that is a stored file now; empty: bare base64. */
  readonly head: string | undefined;
  readonly isFileData: boolean;
}

/** Lets members stand beside a file, whatever their names are. */
export function escapeNames(members: Members): void {
  for (const [name, json] of taken(members)) members.set(ESCAPE + name, json);
}

export function noteFileData(members: Members): void {
  members.set(MEMBER, JSON.stringify(FILE_DATA));
}

export function noteHead(members: Members, head: string): void {
  members.set(HEAD, JSON.stringify(head));
}

/** Takes the notes from what stands beside a file, and gives the client's members their names again. */
export function takeNotes(members: Members): FileNotes {
  const head = textOf(members.get(HEAD));
  const isFileData = members.get(MEMBER) === JSON.stringify(FILE_DATA);
  for (const [name, json] of taken(members)) {
    if (name.startsWith(ESCAPE)) members.set(name.slice(ESCAPE.length), json);
  }
  return { head, isFileData };
}

/** Notes and names that could be taken for them, which are no longer among the members. */
function taken(members: Members): [name: string, json: string][] {
  const found = [...members].filter(([name]) => NAMES.test(name));
  for (const [name] of found) members.delete(name);
  return found;
}
