// The commands of the command line. As processes where the process is what is tested, else in this one.
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { administer, createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { runColloquy, runUnread, startServer } from "../support/servers/process.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n$/;

let own: TestDatabase;
let settings: Record<string, string>;
beforeAll(async () => {
  own = await createTestDatabase();
  settings = { DATABASE_URL: own.url };
  const made = await runHere("tenant create --slug acme");
  expect(made).toMatchObject({ status: 0, stdout: expect.stringMatching(UUID) });
});
afterAll(() => own.drop());

function runHere(line: string) {
  return runInProcess(line.split(" "), settings);
}

describe("serve", () => {
  test("says that the port is taken, and ends, without having used up the first key", async () => {
    const fresh = await createTestDatabase();
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    const words = { DATABASE_URL: fresh.url, PORT: String(port) };
    expect(await runInProcess(["serve"], words)).toMatchObject({
      status: 1,
      stdout: "",
      stderr: `colloquy: port ${port} of 127.0.0.1 is used by another program: set another one with PORT, or COLLOQUY_COMPAT for a dialect\n`,
    });
    expect(await administer(fresh.url, "select from api_key")).toEqual([]);
    holder.close();
    await fresh.drop();
  });

  test("leaves out what it serves by default on a port that is taken, and says so", async () => {
    // If somebody else has it already, so much the better.
    const holder = createServer();
    await new Promise<void>((resolve) => {
      holder.once("error", () => resolve()).listen(3030, "127.0.0.1", resolve);
    });
    const server = startServer({ DATABASE_URL: own.url, PORT: "0" });
    await server.ready;
    server.signal("SIGTERM");
    expect(await server.ended).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("Port 3030 is in use, so helpdesk is not served."),
    });
    const chosen = { DATABASE_URL: own.url, PORT: "0", COLLOQUY_COMPAT: "helpdesk@3030" };
    expect(await runInProcess(["serve"], chosen)).toMatchObject({ status: 1, stdout: "" });
    holder.close();
  });
});

describe("the log", () => {
  test("names levels, and tells of the database's errors nothing that they quote", async () => {
    const broken = await createTestDatabase();
    const server = startServer({ DATABASE_URL: broken.url, PORT: "0" });
    await server.ready;
    const logged = server.logs("the turns of other servers");
    await administer(broken.url, "alter table turn rename column lease_time to gone");
    await logged;
    server.signal("SIGTERM");
    const { stderr } = await server.ended;
    const line = stderr.split("\n").find((text) => text.includes("the turns of other servers")) ?? "";
    expect(JSON.parse(line)).toMatchObject({ level: "warn", err: { type: "DatabaseError", code: "42703" } });
    expect(stderr).not.toContain("lease_time");
    await broken.drop();
  });
});

describe("tenant create", () => {
  test("refuses a slug that is taken, and one that is none", async () => {
    expect(await runHere("tenant create --slug acme")).toMatchObject({ status: 1, stdout: "" });
    expect(await runHere("tenant create --slug Acme")).toMatchObject({ status: 2, stdout: "" });
  });
});

describe("token", () => {
  test("prints a token that names the tenant, or none without one", async () => {
    const claims = async (line: string) => {
      const { stdout, status } = await runHere(line);
      expect(status).toBe(0);
      expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
      return JSON.parse(Buffer.from(stdout.split(".")[1] ?? "", "base64url").toString());
    };
    expect(await claims("token --tenant acme --sub alice --role manager --ttl 2h")).toMatchObject({
      sub: "alice",
      tenant: expect.stringMatching(/-7/),
      role: "manager",
    });
    const none = await claims("token --sub root --role super_admin");
    expect(none).toMatchObject({ sub: "root", role: "super_admin" });
    expect(none).not.toHaveProperty("tenant");
  });

  test("refuses what it cannot mean", async () => {
    for (const line of [
      "token",
      "token --sub a --role king",
      "token --sub a --ttl 3w",
      "token --tenant nope --sub a",
    ]) {
      const { status, stdout, stderr } = await runHere(line);
      expect([line, status === 0, stdout, stderr === ""]).toEqual([line, false, "", false]);
    }
  });
});

describe("export", () => {
  test("says that its file cannot be written", async () => {
    expect(await runHere("export --tenant acme /nowhere/all.ndjson")).toEqual({
      status: 1,
      stdout: "",
      stderr:
        "colloquy: /nowhere/all.ndjson: cannot be written\n  ENOENT: no such file or directory, open '/nowhere/all.ndjson'\n",
    });
  });

  test("ends when its reader has seen enough", async () => {
    const line = JSON.stringify({ conversation: { conversation: { id: "a", createTime: "2024-05-01T08:00:00Z" } } });
    const file = join(tmpdir(), `colloquy-one-${process.pid}.ndjson`);
    await writeFile(file, `${line}\n`);
    expect(await runHere(`import --tenant acme ${file}`)).toMatchObject({ status: 0 });
    await rm(file);
    expect(await runUnread("export --tenant acme -".split(" "), settings)).toEqual({
      status: 1,
      stdout: "",
      stderr: "colloquy: standard output: cannot be written\n  write EPIPE\n",
    });
  });
});

test("key create prints a key and nothing else", async () => {
  const { stdout, status } = await runColloquy("key create --tenant acme --scopes read,write".split(" "), settings);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^clq_\w+\n$/);
  expect(await runHere("key create --tenant acme --scopes everything")).toMatchObject({ status: 2, stdout: "" });
});

test("member set makes a member, changes it, and refuses a circle of managers", async () => {
  expect(await runHere("member set --tenant acme --id alice --role manager")).toMatchObject({
    status: 0,
    stdout: "alice\n",
  });
  expect(await runHere("member set --tenant acme --id bob --role member --manager alice")).toMatchObject({
    status: 0,
    stdout: "bob\n",
  });
  expect(await runHere("member set --tenant acme --id alice --manager bob")).toMatchObject({ status: 1, stdout: "" });
  expect(await runHere("member set --tenant acme")).toMatchObject({ status: 2, stdout: "" });
});

test("agent set prints the id of the agent, the same when it is changed", async () => {
  const made = await runHere("agent set --tenant acme --name echo --connector echo");
  expect(made).toMatchObject({ status: 0, stdout: expect.stringMatching(UUID) });
  const changed = await runHere(
    "agent set --tenant acme --name echo --connector connect --url https://agent.example.com",
  );
  expect(changed).toMatchObject({ status: 0, stdout: made.stdout });
  expect(await runHere("agent set --tenant acme --name x --connector connect")).toMatchObject({
    status: 2,
    stdout: "",
  });
});
