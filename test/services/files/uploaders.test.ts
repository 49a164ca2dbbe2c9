// Who uploads is looked at again once all is there: nothing is stored of who was deleted or erased meanwhile, or had
// its key revoked.
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AccessService } from "../../../gen/colloquy/v1/access_service_pb.ts";
import { DirectoryService } from "../../../gen/colloquy/v1/directory_service_pb.ts";
import { ErasureService } from "../../../gen/colloquy/v1/erasure_service_pb.ts";
import { openFilesIn, type Person, personOf } from "../../support/calls/files.ts";
import { lockWaits } from "../../support/postgres/lock-waits.ts";
import {
  type Credential,
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
} from "../../support/servers/identity-server.ts";

let folder: string;
let server: IdentityServer;
let tenant: IdentityTenant;
let admin: Credential;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-uploaders-"));
  server = await startIdentityServer({ environment: { COLLOQUY_FILES: `disk:${folder}`, COLLOQUY_COMPAT: "openai" } });
  tenant = await server.tenant();
  admin = (await tenant.key("read", "write", "admin")).credential;
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** Answers the status and the message. */
type Way = (who: Person, name: string, meanwhile: () => Promise<void>) => Promise<(string | number | undefined)[]>;

/** The first part comes; the last one when something has happened meanwhile. */
async function* halves(first: string, last: string, meanwhile: () => Promise<void>) {
  yield Buffer.from(first);
  // From here on the server is storing it.
  await expect.poll(() => openFilesIn(folder), { timeout: 20_000 }).not.toEqual([]);
  await meanwhile();
  yield Buffer.from(last);
}

async function send(
  who: Person,
  path: string,
  headers: Record<string, string>,
  body: AsyncIterable<Uint8Array>,
  method = "POST",
) {
  const answer = await who.rest(path, { method, headers, body, duplex: "half" } as unknown as RequestInit);
  const text = await answer.text();
  const { message, error } = text === "" ? {} : JSON.parse(text);
  return [answer.status, message ?? error?.message];
}

const FORM = { "content-type": "multipart/form-data; boundary=b" };
const fieldOf = (head: string, body: string) => `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${body}`;
const END = "last\r\n--b--\r\n";

const WAYS: Record<string, Way> = {
  bytes: (who, name, meanwhile) =>
    send(who, `/v1/files?name=${name}`, { "content-type": "text/plain" }, halves("first", "last", meanwhile)),
  "bytes with a request id": (who, name, meanwhile) => {
    const headers = { "content-type": "text/plain", "idempotency-key": name };
    return send(who, `/v1/files?name=${name}`, headers, halves("first", "last", meanwhile));
  },
  "a form": (who, name, meanwhile) =>
    send(who, "/v1/files", FORM, halves(fieldOf(`name="file"; filename="${name}"`, "first"), END, meanwhile)),
  "pieces of tus": async (who, name, meanwhile) => {
    const tus = { "tus-resumable": "1.0.0" };
    const metadata = `filename ${Buffer.from(name).toString("base64")}`;
    const headers = { ...tus, "upload-length": "9", "upload-metadata": metadata };
    const path = (await who.rest("/v1/uploads", { method: "POST", headers })).headers.get("location") ?? "";
    const type = { ...tus, "content-type": "application/offset+octet-stream", "upload-offset": "0" };
    return send(who, path, type, halves("first", "last", meanwhile), "PATCH");
  },
  "a stream of requests": async (who, name, meanwhile) => {
    async function* requests() {
      for await (const data of halves("first", "last", meanwhile)) yield { name, body: { data: new Uint8Array(data) } };
    }
    return who.files.createFile(requests()).then(
      () => [0, undefined],
      (error: unknown) => [
        { 7: 403, 16: 401 }[ConnectError.from(error).code as number],
        ConnectError.from(error).rawMessage,
      ],
    );
  },
  "a form of the OpenAI dialect": async (who, name, meanwhile) => {
    const purpose = `${fieldOf('name="purpose"', "user_data")}\r\n`;
    const first = `${purpose}${fieldOf(`name="file"; filename="${name}"`, "first")}`;
    const [status, sentence] = await send(who, "/openai/v1/files", FORM, halves(first, END, meanwhile));
    // There it begins with a capital letter, and ends with a full stop.
    return [status, sentence?.replace(/^The (.*)\.$/, "the $1")];
  },
};

const GONE = [403, "the member that uploads was deleted"];
const REVOKED = [401, "the API key is refused: it was revoked"];

let count = 0;
/** Somebody who uploads, and how it comes to go. */
const FATES: Record<string, () => Promise<{ who: Credential; go: () => Promise<unknown>; told: (string | number)[] }>> =
  {
    "was deleted": async () => {
      const id = `deleted-${++count}`;
      await tenant.addMember(id);
      const go = () => server.client(DirectoryService, admin).deleteMember({ memberId: id });
      return { who: await tenant.token(id), go, told: GONE };
    },
    "was erased": async () => {
      const id = `erased-${++count}`;
      await tenant.addMember(id);
      const go = () => server.client(ErasureService, admin).eraseMember({ memberId: id });
      return { who: await tenant.token(id), go, told: GONE };
    },
    "had its key revoked": async () => {
      const key = await tenant.key("read", "write");
      const go = () => server.client(AccessService, admin).revokeApiKey({ apiKeyId: key.id });
      return { who: key.credential, go, told: REVOKED };
    },
    "was deleted, and had a key act for it": async () => {
      const id = `acted-${++count}`;
      await tenant.addMember(id);
      const key = await tenant.key("read", "write");
      const go = () => server.client(DirectoryService, admin).deleteMember({ memberId: id });
      return { who: { ...key.credential, "x-act-for": id }, go, told: GONE };
    },
  };

/** What of the tenant is in the folder: whole, or begun. */
async function bytesLeft(): Promise<string[]> {
  const own = join(folder, tenant.id);
  const names = existsSync(own) ? await readdir(own, { recursive: true, withFileTypes: true }) : [];
  return [
    ...names.filter((entry) => entry.isFile()).map(({ name }) => name),
    ...(await readdir(join(folder, "unfinished"))),
  ];
}

const rows = async (name: string) =>
  server.database.query({ name: "test_named_files", text: "select id from file where tenant_id = $1 and name = $2" }, [
    tenant.id,
    name,
  ]);

test.each(Object.keys(WAYS).flatMap((way) => Object.keys(FATES).map((fate) => [way, fate] as const)))(
  "%s: of who %s meanwhile nothing is stored",
  async (way, fate) => {
    const { who, go, told } = (await FATES[fate]?.()) ?? expect.unreachable();
    const name = `${count}-${crypto.randomUUID()}.txt`;
    const meanwhile = async () => void (await go());
    expect(await WAYS[way]?.(personOf(server, who), name, meanwhile)).toEqual(told);
    expect([await rows(name), await bytesLeft()]).toEqual([[], []]);
  },
);

test("a file waits for a deletion of its uploader that is under way", async () => {
  await tenant.addMember("leaving");
  const update = "update member set delete_time = now() where tenant_id = $1 and id = 'leaving'";
  let deletion = Promise.resolve();
  const meanwhile = async () => {
    const begun = Promise.withResolvers<void>();
    deletion = server.database.transaction(undefined, async (tx) => {
      await tx.query({ name: "test_leave", changes: true, text: update }, [tenant.id]);
      begun.resolve();
      const waiting = () => lockWaits(server.database, "%insert into file %");
      await expect.poll(waiting, { timeout: 20_000 }).toHaveLength(1);
    });
    await begun.promise;
  };
  const leaving = personOf(server, await tenant.token("leaving"));
  expect(await WAYS.bytes?.(leaving, "leaving.txt", meanwhile)).toEqual(GONE);
  await deletion;
  expect([await rows("leaving.txt"), await bytesLeft()]).toEqual([[], []]);
});

test("an upload whose key expires meanwhile is stored, whichever way it comes: it was let in in time", async () => {
  const expire = "update api_key set expire_time = now() - interval '1 second' where tenant_id = $1 and id = $2";
  for (const [way, bring] of Object.entries(WAYS)) {
    const key = await tenant.key("read", "write");
    const name = `${crypto.randomUUID()}.txt`;
    const meanwhile = async () =>
      void (await server.database.query({ name: "test_expire", text: expire }, [tenant.id, key.id]));
    await bring(personOf(server, key.credential), name, meanwhile);
    expect([way, (await rows(name)).length]).toEqual([way, 1]);
  }
});

test("an upload of who stays is stored, whichever way it comes", async () => {
  await tenant.addMember("ann");
  const ann = personOf(server, await tenant.token("ann"));
  for (const [way, bring] of Object.entries(WAYS)) {
    const name = `${crypto.randomUUID()}.txt`;
    await bring(ann, name, async () => {});
    expect([way, (await rows(name)).length]).toEqual([way, 1]);
  }
});
