// How servers of models end their answers, and what is made of it.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ModelServer, startModelServer } from "../support/services/model-server.ts";

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterAll(() => server.close());

const SSE = "text/event-stream";
const event = (choice: object | null, more: object = {}) =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", choices: choice ? [choice] : [], ...more })}\n\n`;
const say = (content: string, more: object = {}) =>
  event({ index: 0, delta: { content }, finish_reason: null, ...more });
const end = (reason: string | null) => event({ index: 0, delta: {}, finish_reason: reason });
const DONE = "data: [DONE]\n\n";

/** Sends a body as it stands, and closes the connection cleanly. */
function sends(body: string, type = SSE, status = 200) {
  server.answer = (response) => response.writeHead(status, { "content-type": type, connection: "close" }).end(body);
}

const document = (choice: object) => JSON.stringify({ object: "chat.completion", choices: [{ index: 0, ...choice }] });
const message = (content: unknown) => ({ message: { role: "assistant", content } });

describe("F-ENDING: a whole reply is one, however the server says so", () => {
  test.each([
    ["OpenAI: stop and [DONE]", say("whole") + end("stop") + DONE, "STOP"],
    ["ik_llama.cpp, llama-box: a finish reason, and no [DONE]", say("whole") + end("stop"), "STOP"],
    ["Gemini by proxy: [DONE], and no finish reason", say("whole") + DONE, "STOP"],
    ["no empty line after [DONE]", `${say("whole")}data: [DONE]`, "STOP"],
    ["no space after the colon", `data:${say("whole").slice(6)}data:[DONE]\n\n`, "STOP"],
    [
      "Ollama: an empty finish reason in every chunk",
      say("who", { finish_reason: "" }) + say("le", { finish_reason: "" }) + end("stop") + DONE,
      "STOP",
    ],
    [
      "LiteLLM: a finish reason in every chunk",
      say("who", { finish_reason: "stop" }) + say("le", { finish_reason: "stop" }) + DONE,
      "STOP",
    ],
    ["the last words with the finish reason", say("who") + say("le", { finish_reason: "stop" }) + DONE, "STOP"],
    ["Mistral: model_length", say("whole") + end("model_length") + DONE, "LENGTH"],
    ["length", say("whole") + end("length") + DONE, "LENGTH"],
    ["upper case", say("whole") + end("MAX_TOKENS") + DONE, "LENGTH"],
    ["a filter that cuts", say("whole") + end("content_filter") + DONE, "CONTENT_FILTER"],
    ["tools after words", say("whole") + end("tool_calls") + DONE, "TOOL_CALLS"],
    ["a reason that nobody knows", say("whole") + end("because") + DONE, "UNSPECIFIED"],
    [
      "Azure: no choices first, usage last",
      event(null, { prompt_filter_results: [] }) + say("whole") + end("stop") + event(null, { usage: {} }) + DONE,
      "STOP",
    ],
    [
      "Azure's asynchronous filter: a choice without a delta",
      say("whole") + end("stop") + event({ index: 0, finish_reason: null, content_filter_results: {} }) + DONE,
      "STOP",
    ],
    ["a delta that is null", say("whole") + event({ index: 0, delta: null, finish_reason: "stop" }) + DONE, "STOP"],
    ["a chunk without choices", `data: {"object":"ping"}\n\n${say("whole")}${DONE}`, "STOP"],
    [
      "a role alone first",
      event({ index: 0, delta: { role: "assistant", content: null } }) + say("whole") + end("stop") + DONE,
      "STOP",
    ],
    ["OpenRouter: comments", `: OPENROUTER PROCESSING\n\n${say("whole")}: x\n\n${end("stop")}${DONE}`, "STOP"],
    ["llama.cpp: empty frames of data", `data:\n\n${say("whole")}data: \n\n${end("stop")}${DONE}`, "STOP"],
    ["an event of another type", `event: ping\ndata: {"type":"ping"}\n\n${say("whole")}${DONE}`, "STOP"],
    [
      "DeepSeek, vLLM: thoughts beside",
      event({ index: 0, delta: { reasoning_content: "hm", content: null } }) +
        say("whole", { delta: { content: "whole", reasoning_content: "" } }) +
        end("stop") +
        DONE,
      "STOP",
    ],
    [
      "Mistral: content in parts, thoughts among them",
      event({
        index: 0,
        delta: {
          content: [
            { type: "thinking", thinking: [{ text: "hm" }] },
            { type: "text", text: "whole" },
          ],
        },
      }) +
        end("stop") +
        DONE,
      "STOP",
    ],
    ["a refusal is words, too", event({ index: 0, delta: { refusal: "whole" } }) + end("stop") + DONE, "STOP"],
    [
      "the whole message once more at the end",
      say("whole") + event({ index: 0, message: { content: "whole" }, finish_reason: "stop" }) + DONE,
      "STOP",
    ],
    ["error: null in a chunk", event({ index: 0, delta: { content: "whole" } }, { error: null }) + DONE, "STOP"],
    [
      "JSON in several lines of data",
      'data: {"choices":[{"delta":\ndata: {"content":"whole"},"finish_reason":"stop"}]}\n\n',
      "STOP",
    ],
    ["a byte order mark", `\ufeff${say("whole")}${end("stop")}${DONE}`, "STOP"],
    ["CRLF", (say("whole") + end("stop") + DONE).replaceAll("\n", "\r\n"), "STOP"],
    ["CR", (say("whole") + end("stop") + DONE).replaceAll("\n", "\r"), "STOP"],
    ["plain JSON", document({ ...message("whole"), finish_reason: "stop" }), "STOP", "application/json"],
    ["plain JSON without a reason", document(message("whole")), "STOP", "application/json"],
    [
      "plain JSON over several lines, called a stream",
      JSON.stringify(JSON.parse(document({ ...message("whole"), finish_reason: "length" })), null, 2),
      "LENGTH",
    ],
    ["a stream, called JSON", say("whole") + end("stop") + DONE, "STOP", "application/json"],
    ["a stream, called nothing", say("whole") + end("stop") + DONE, "STOP", ""],
    ["a document in a stream", `data: ${document({ ...message("whole"), finish_reason: "stop" })}\n\n${DONE}`, "STOP"],
    ["[DONE], and words after it that nobody may say", say("whole") + DONE + say("!"), "STOP"],
  ])("%s", async (_, body, finish, type = SSE) => {
    sends(body, type);
    expect(await server.ask()).toEqual({ text: "whole", finish, failure: undefined, times: 1 });
  });

  test("the connection breaks, or stays, after the finish reason", async () => {
    server.answer = (response) => {
      response.writeHead(200, { "content-type": SSE, "content-length": 100_000 });
      response.write(say("whole") + end("stop"), () => response.destroy());
    };
    expect(await server.ask()).toMatchObject({ text: "whole", finish: "STOP" });
    server.answer = (response) => response.writeHead(200).write(say("whole") + end("length"));
    expect(await server.ask()).toMatchObject({ text: "whole", finish: "LENGTH" });
  });
});

describe("F-ENDING: what is no whole reply fails, and says why", () => {
  const broke = "the agent broke off";
  const none = "the agent's response is not a reply";
  test.each<[string, string, string, string, ("up" | "down" | undefined)?, string?]>([
    ["neither a reason nor [DONE]", say("half"), "half", broke, "down"],
    ["a chunk that is cut", `${say("half")}data: {"choices":[{"de`, "half", broke, "down"],
    ["nothing at all", "", "", broke, "down"],
    ["HTML", "<html>wait</html>", "", none, undefined, "text/html"],
    ["a JSON document that is no answer", '{"hello":1}', "", none, undefined, "application/json"],
    ["words that are no JSON", "data: hello\n\n", "", none],
    [
      "an error in the middle",
      `${say("half")}data: {"error":{"message":"x","type":"server_error","code":500}}\n\n${DONE}`,
      "half",
      "the agent reported an error",
      "down",
    ],
    [
      "OpenRouter: an error beside empty choices",
      event(null, { error: { code: 502, message: "x" } }) + DONE,
      "",
      "the agent reported an error",
      "down",
    ],
    [
      "vLLM: an error in place of a chunk",
      `data: {"object":"error","message":"x","error":"bad","code":400}\n\n`,
      "",
      "the agent reported an error",
      "up",
    ],
    [
      "llama.cpp of 2025: a field of its own",
      `error: {"code":400,"message":"too long","type":"invalid_request_error"}\n\n${DONE}`,
      "",
      "the agent reported an error",
      "up",
    ],
    [
      "an event of the type error",
      `event: error\ndata: {"message":"x","code":"rate_limit_exceeded"}\n\n`,
      "",
      "the agent reported an error",
      "down",
    ],
    ["an error as text", `data: {"error":"overloaded"}\n\n`, "", "the agent reported an error", undefined],
    [
      "Gemini: an error in a list",
      '[{"error":{"code":429,"message":"x"}}]',
      "",
      "the agent reported an error",
      "down",
      "application/json",
    ],
    [
      "DeepSeek: no resources",
      say("half") + end("insufficient_system_resource") + DONE,
      "half",
      "the agent reported an error",
      "down",
    ],
    [
      "a filter that lets no word through",
      end("content_filter") + DONE,
      "",
      "the agent's content filter withheld the reply",
      "up",
    ],
    [
      "thoughts that took all the room",
      event({ delta: { reasoning_content: "hm" } }) + end("length") + DONE,
      "",
      "the agent's limit of length cut the reply before its first word",
      "up",
    ],
    ["tools alone", end("tool_calls") + DONE, "", "the agent asked for tools, and said nothing", "up"],
  ])("%s", async (_, body, text, failure, health, type = SSE) => {
    sends(body, type);
    const asked = await server.ask();
    expect(asked).toMatchObject({ text, failure: { message: failure } });
    if (health !== undefined) expect(asked.failure?.health).toBe(health);
  });

  test("the connection is reset in the middle", async () => {
    server.answer = (response) => {
      response.writeHead(200, { "content-type": SSE });
      response.write(say("half"), () => response.socket?.resetAndDestroy());
    };
    const asked = await server.ask();
    expect(asked).toMatchObject({ text: "half", failure: { health: "down", retryable: true }, times: 1 });
  });

  test("a filter that refuses what was asked, as Azure does, is told from other refusals", async () => {
    sends('{"error":{"code":"content_filter","message":"x","status":400}}', "application/json", 400);
    expect((await server.ask()).failure).toMatchObject({ finish: 4, health: "up" });
  });
});
