// One upload on any wire, in any pieces, whole or cut: each way answers the id of the file that it became, or that the
// line was cut.
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { type Credential, type IdentityServer, WIRES } from "../servers/identity-server.ts";

/** What is to be uploaded. */
export interface Sending {
  readonly bytes: Buffer;
  /** The lengths of the pieces in which it is sent; together they are the bytes. */
  readonly pieces: readonly number[];
  /** After which piece the line is cut; undefined: never. After the last one, what ends the upload is still missing. */
  readonly cutAfter: number | undefined;
}

/** The file's id; undefined: the line was cut. */
export type Send = (server: IdentityServer, credential: Credential, sending: Sending) => Promise<string | undefined>;

/** The pieces up to the cut. */
function* piecesOf({ bytes, pieces, cutAfter = pieces.length }: Sending): Generator<Buffer> {
  let at = 0;
  for (const length of pieces.slice(0, cutAfter)) {
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

const CUT = "the line is cut";

const overRpc =
  (wire: (typeof WIRES)[number]): Send =>
  async (server, credential, sending) => {
    const requests = async function* () {
      yield { name: wire };
      for (const piece of piecesOf(sending)) yield { body: { data: new Uint8Array(piece) } };
      if (sending.cutAfter !== undefined) throw new Error(CUT);
    };
    const created = server.client(FileService, credential, wire).createFile(requests());
    return created.then(({ file }) => file?.id, unlessCut(sending));
  };

function unlessCut({ cutAfter }: Sending) {
  return (error: unknown) => {
    if (cutAfter === undefined) throw error;
    return undefined;
  };
}

/** @param length what the request says; undefined: it is chunked */
async function post(
  server: IdentityServer,
  { method = "POST", path, headers, length }: { method?: string; path: string; headers: object; length?: number },
  body: Iterable<Buffer>,
  sending: Sending,
): Promise<{ status: number; headers: IncomingMessage["headers"]; text: string } | undefined> {
  const framing = length === undefined ? {} : { "content-length": String(length) };
  const sent = request(`${server.url}${path}`, { method, headers: { ...headers, ...framing } });
  const answered = answerOf(sent);
  answered.catch(() => {});
  sent.flushHeaders();
  for (const piece of body) await new Promise<void>((resolve) => sent.write(piece, () => resolve()));
  if (sending.cutAfter === undefined) sent.end();
  else sent.destroy(new Error(CUT));
  return answered.catch(unlessCut(sending));
}

async function answerOf(sent: ClientRequest) {
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) text += chunk;
  return { status: answer.statusCode ?? 0, headers: answer.headers, text };
}

const idIn = (text: string): string => (JSON.parse(text) as { id: string }).id;

const raw =
  (chunked: boolean): Send =>
  async (server, credential, sending) => {
    const length = chunked ? {} : { length: sending.bytes.length };
    const answer = await post(
      server,
      { path: "/v1/files", headers: credential, ...length },
      piecesOf(sending),
      sending,
    );
    return answer && idIn(answer.text);
  };

const BOUNDARY = "--boundary";

function* formOf(sending: Sending, fields = ""): Generator<Buffer> {
  const disposition = 'content-disposition: form-data; name="file"; filename="a.bin"';
  yield Buffer.from(`${fields}--${BOUNDARY}\r\n${disposition}\r\n\r\n`);
  yield* piecesOf(sending);
  if (sending.cutAfter === undefined) yield Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
}

const form =
  (path: string, fields = ""): Send =>
  async (server, credential, sending) => {
    const headers = { ...credential, "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
    const answer = await post(server, { path, headers }, formOf(sending, fields), sending);
    return answer && idIn(answer.text);
  };

/** Goes on where it stopped, however often that is: here the line is cut once, and the rest follows. */
const tus: Send = async (server, credential, sending) => {
  const headers = { ...credential, "tus-resumable": "1.0.0" };
  const path = "/v1/uploads";
  const begin = { path, headers: { ...headers, "upload-length": String(sending.bytes.length) }, length: 0 };
  const begun = await post(server, begin, [], { ...sending, cutAfter: undefined });
  const upload = { path: String(begun?.headers.location) };
  const type = { "content-type": "application/offset+octet-stream" };
  const all = { bytes: sending.bytes, cutAfter: undefined };
  let offset = 0;
  let left: Sending = sending;
  for (;;) {
    const known = await post(server, { ...upload, method: "HEAD", headers }, [], { ...left, cutAfter: undefined });
    const file = known?.headers["content-location"];
    if (file !== undefined) return String(file).split("/").at(-1);
    offset = Number(known?.headers["upload-offset"]);
    const rest = { ...left, bytes: all.bytes.subarray(offset) };
    const patch = { ...upload, method: "PATCH", headers: { ...headers, ...type, "upload-offset": String(offset) } };
    await post(server, { ...patch, length: rest.bytes.length }, offset === 0 ? piecesOf(left) : [rest.bytes], left);
    left = { ...left, cutAfter: undefined };
  }
};

const PURPOSE = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n`;
/** `file-` and the digits of the id. */
const openai: Send = async (server, credential, sending) => {
  const id = await form("/openai/v1/files", PURPOSE)(server, credential, sending);
  return id?.replace(/^file-(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
};

export const SENDS: Readonly<Record<string, Send>> = {
  ...Object.fromEntries(WIRES.map((wire) => [wire, overRpc(wire)])),
  "rest with a length": raw(false),
  "rest in chunks": raw(true),
  "a form": form("/v1/files"),
  openai,
  tus,
};
