// Where dialects are served, and what stops the start.
import { afterEach, describe, expect, test } from "vitest";
import { ConversationService as Assistant } from "../../gen/colloquy/compat/assistant/v1/conversation_service_pb.ts";
import { ConversationService as Helpdesk } from "../../gen/colloquy/compat/helpdesk/v1/conversation_service_pb.ts";
import { mountsByPort } from "../../src/dialects/mounts.ts";
import type { Dialect } from "../../src/dialects/shared/dialect.ts";
import type { DialectName, MountPoint } from "../../src/domain/settings/dialect-names.ts";
import type { Mount } from "../../src/protocols/rest/binding/mount.ts";
import { type DialectServer, startDialects } from "../support/servers/dialect-server.ts";

const OWN_PORT = 8080;
const dialect = (name: DialectName, service: Dialect["services"][number]["service"]): [DialectName, Dialect] => [
  name,
  { name, title: name, services: [{ service, handlers: {}, open: false }], calls: new Map(), mount: {} },
];
const dialects = new Map([dialect("assistant", Assistant), dialect("helpdesk", Helpdesk)]);
const at = (name: DialectName, port?: number, prefix = ""): MountPoint => ({ dialect: name, port, prefix });
const place = (points: readonly MountPoint[], own: readonly Mount[] = []) =>
  [...mountsByPort(points, dialects, own, OWN_PORT)].map(([port, mounts]) => [
    port,
    mounts.map(({ name, prefix }) => name + prefix),
  ]);

describe("the places of dialects", () => {
  test("are the server's port, or one of their own, under a prefix if one is given", () => {
    expect(place([at("assistant"), at("helpdesk", 3030), at("helpdesk", undefined, "/desk")])).toEqual([
      [undefined, ["assistant", "helpdesk/desk"]],
      [3030, ["helpdesk"]],
    ]);
  });

  test("may not collide: the error names both, the route, the port and the way out", () => {
    const collide = () => place([at("assistant"), at("helpdesk")]);
    expect(collide).toThrow(
      /^assistant and helpdesk both claim POST \/api\/conversations on port 8080: give one of them/,
    );
    expect(() => place([at("assistant", 3030), at("helpdesk", 3030)])).toThrow(/on port 3030/);
    expect(() => place([at("assistant", undefined, "/a"), at("helpdesk", undefined, "/a")])).toThrow(/\/a\/api\/conv/);
  });

  test("collide also where one names the server's own port", () => {
    expect(() => place([at("assistant"), at("helpdesk", OWN_PORT)])).toThrow("assistant and helpdesk both claim");
  });

  test("may not collide with the server's own API either", () => {
    const own: Mount = { name: "v1", serves: [Helpdesk] };
    expect(() => place([at("helpdesk")], [own])).toThrow("v1 and helpdesk both claim");
  });
});

describe("a server with dialects", () => {
  let server: DialectServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  test("does not start where two collide", async () => {
    await expect(startDialects("assistant,helpdesk")).rejects.toThrow("assistant and helpdesk both claim");
  });

  test("serves one at its paths under its prefix alone, errors too", async () => {
    server = await startDialects("assistant/chat");
    const userId = "550e8400-e29b-41d4-a716-446655440000";
    expect((await server.http("GET", `/chat/api/conversations?userId=${userId}`)).status).toBe(200);
    expect((await server.http("GET", "/chat/api/conversations/x")).json.code).toBe("NOT_FOUND");
    expect((await fetch(`${server.server.url}/api/conversations?userId=${userId}`)).status).toBe(404);
  });

  test("serves a dialect at two places at once", async () => {
    server = await startDialects("assistant,assistant/chat");
    for (const prefix of ["", "/chat"]) {
      const answer = await server.http(
        "GET",
        `${prefix}/api/conversations?userId=550e8400-e29b-41d4-a716-446655440000`,
      );
      expect(answer.status).toBe(200);
    }
  });

  test("serves each one's OpenAPI document, which says where it is, and its page", async () => {
    server = await startDialects("assistant,helpdesk/desk");
    const documents = await Promise.all(
      ["assistant", "helpdesk"].map(async (name) => (await server?.http("GET", `/openapi/${name}.json`))?.json),
    );
    expect(documents.map(({ servers, paths }) => [servers[0].url, Object.keys(paths)])).toEqual([
      ["/", ["/api/conversations"]],
      ["/desk", ["/api/conversations", "/api/conversations/{id}"]],
    ]);
    for (const name of ["assistant", "helpdesk"]) {
      expect((await fetch(`${server.server.url}/docs/${name}`)).status).toBe(200);
    }
  });
});
