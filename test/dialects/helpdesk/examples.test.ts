// The documented examples of the helpdesk API, as they stand, against a server in the development profile.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { type DialectServer, type HttpCall, sendHttp, startDialects } from "../../support/servers/dialect-server.ts";
import { freePort } from "../../support/services/free-port.ts";
import { expectError, masked } from "./answers.ts";

// The documented base URL names port 3030, which somebody may use on this machine.
let server: DialectServer;
let baseUrl: string;
beforeAll(async () => {
  const port = await freePort();
  server = await startDialects(`assistant,helpdesk@${port}`);
  baseUrl = `http://localhost:${port}/api`;
});
afterAll(() => server.close());

const http = (method: string, path: string, call?: HttpCall) => sendHttp(baseUrl + path, method, call);
const EXAMPLE = { user_id: 1, agent: "support_bot", title: "Help with login" };

/** A message in the conversation with a number, by the canonical API. */
async function sendMessage(number: number): Promise<void> {
  const key = (await server.tenant.key("read", "write")).credential;
  const text = "select id from conversation where tenant_id = $1 and number = $2";
  const [row] = await server.server.database.query<{ id: string }>({ name: "test_id", text } as never, [
    server.tenant.id,
    number,
  ]);
  const messages = server.server.client(MessageService, key);
  await messages.sendMessage({ conversationId: row?.id ?? "", message: { content: "Hello" } });
}

describe("the documented requests, in their order", () => {
  test("S3-1 create a conversation", async () => {
    const answer = await http("POST", "/conversations", { body: EXAMPLE });
    expect(answer.status).toBe(201);
    expect(masked(answer)).toBe(
      '{"status_code":201,"message":"Success","data":{"id":1,"user_id":1,"agent":"support_bot","title":"Help with login",' +
        '"created_at":"<now>","last_message_at":null}}',
    );
  });

  test("S3-2 get a conversation, with the time of its last message", async () => {
    await sendMessage(1);
    const answer = await http("GET", "/conversations/1");
    expect(answer.status).toBe(200);
    expect(masked(answer)).toBe(
      '{"status_code":200,"message":"Success","data":{"id":1,"user_id":1,"agent":"support_bot","title":"Help with login",' +
        '"created_at":"<now>","last_message_at":"<now>"}}',
    );
  });

  test("S3-3 list conversations", async () => {
    const answer = await http("GET", "/conversations?user_id=1&limit=5");
    expect(answer.status).toBe(200);
    expect(masked(answer)).toBe(
      '{"status_code":200,"message":"Success","data":[{"id":1,"user_id":1,"agent":"support_bot","title":"Help with login",' +
        '"created_at":"<now>","last_message_at":"<now>"}]}',
    );
  });

  test("S3-4 update a conversation", async () => {
    const body = { title: "Updated Title", agent: "new_agent_name" };
    const answer = await http("PUT", "/conversations/1", { body });
    expect(answer.status).toBe(200);
    expect(masked(answer)).toBe(
      '{"status_code":200,"message":"Success","data":{"id":1,"user_id":1,"agent":"new_agent_name","title":"Updated Title",' +
        '"created_at":"<now>","last_message_at":"<now>"}}',
    );
  });

  test("S3-5 delete a conversation", async () => {
    const answer = await http("DELETE", "/conversations/1");
    expect(answer.status).toBe(200);
    expect(answer.text).toBe('{"status_code":200,"message":"Conversation deleted successfully","data":null}');
  });

  test("S3-6 an error", async () => {
    const answer = await http("GET", "/conversations/1");
    expect(answer.status).toBe(404);
    expect(answer.text).toBe('{"status_code":404,"message":"Conversation not found","data":null}');
  });

  test("S3-7 the port holds this API alone, and the server's own port does not hold it", async () => {
    expectError(await http("GET", "/nothing"), 404, "Not found");
    expect((await sendHttp(baseUrl.replace("/api", "/v1/conversations"), "GET")).status).toBe(404);
    expect((await server.http("GET", "/api/conversations?user_id=1")).json.code).toBe("VALIDATION_ERROR");
  });
});
