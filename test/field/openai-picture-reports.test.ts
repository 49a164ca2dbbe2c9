// What people reported of pictures and files in place with other servers of OpenAI's APIs, tried here.
import { randomBytes } from "node:crypto";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { type ModelScene, responds, says, startModelScene } from "../dialects/openai/model-scene.ts";

let scene: ModelScene;
beforeAll(async () => {
  scene = await startModelScene();
});
afterAll(() => scene.close());
beforeEach(() => {
  scene.upstream.calls.length = 0;
  scene.upstream.answer = says("I see.");
});

const JPEG = Buffer.from("ffd8ffe000104a46494600010100000100010000", "hex");
const url = (bytes: number) =>
  `data:image/jpeg;base64,${Buffer.concat([JPEG, randomBytes(bytes - JPEG.length)]).toString("base64")}`;
const uuid = (id: string) => id.slice(5).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
async function upload(size: number) {
  const bytes = Buffer.concat([JPEG, randomBytes(size - JPEG.length)]);
  const { id } = await scene.client.files.create({ purpose: "vision", file: await OpenAI.toFile(bytes, "a.jpg") });
  return { id, bytes };
}
/** A message without words over Responses. */
function thinkerSays() {
  const done = { type: "message", id: "msg_1", role: "assistant", status: "completed", content: [] };
  const types = ["response.output_item.added", "response.output_item.done"];
  return responds(
    [done],
    types.map((type) => ({ type, output_index: 0, item: done })),
  );
}
const image = (image_url: string) => ({ type: "input_image", image_url, detail: "auto" });
const said = (content: object[]) => ({ type: "message", role: "user", status: "completed", content });
const call = { type: "function_call", call_id: "call_1", name: "look", arguments: "{}", status: "completed" };
const output = (content: object[]) => ({
  type: "function_call_output",
  call_id: "call_1",
  status: "completed",
  output: content,
});
/** What the model was told, of its last request. */
const told = () => scene.upstream.calls.at(-1)?.body;
const respond = (input: object[], model = "gpt") => scene.client.responses.create({ model, input: input as never });

describe("F-PICTURE", () => {
  test("openai/openai-python#3551, Azure/azure-sdk-for-python#48364: a data URL has no length at which it is another", async () => {
    // Around 65,520 characters, and around those from which on they are files here.
    const urls = [49_105, 49_110, 49_120, 49_131, 49_149, 49_152, 49_155, 80_000].map((bytes) => url(bytes));
    const items = [said(urls.map(image))];
    const { id } = await scene.client.conversations.create({ items: items as never });
    expect((await scene.client.conversations.items.list(id)).data).toMatchObject(items);
    await respond(items);
    const shown = (told().messages.at(-1).content as { image_url?: { url: string } }[]).map(
      (part) => part.image_url?.url,
    );
    expect(shown).toEqual(urls);
  });

  test("lbjlaq/Antigravity-Manager#1167, CosmosShadow/gptpdf#33: several pictures that are larger than a body may be otherwise", async () => {
    const urls = [url(1_500_000), url(1_500_000), url(1_500_000)];
    await respond([said(urls.map(image))]);
    expect(JSON.stringify(told()).split("base64,")).toHaveLength(4);
  });

  test("caozhiyuan/copilot-api#257, openai/codex#46761, HCF-STUDIOS/openhermit#295: of a history of pictures the model gets the latest, and the conversation goes on", async () => {
    const { id: conversation } = await scene.client.conversations.create();
    const { id: file_id } = await upload(17_000_000);
    for (const text of ["first", "second"]) {
      const input = [
        said([
          { type: "input_text", text },
          { type: "input_image", file_id },
        ]),
      ] as never;
      await scene.client.responses.create({ model: "gpt", conversation, input });
    }
    const { status } = await scene.client.responses.create({ model: "gpt", conversation, input: "And now?" });
    const [, first, second] = JSON.stringify(told()).split(/first|second/);
    expect([status, first?.includes("base64"), second?.includes("base64")]).toEqual(["completed", false, true]);
    expect(first).toContain("(A file that is not available here: a.jpg, image/jpeg.)");
  });

  test.each(["gpt", "thinker"])(
    "kahme247/ompweb#33, mnfst/llm-gateway#2126: five pictures of a phone in one call reach %s",
    async (model) => {
      const urls = Array.from({ length: 5 }, () => url(4_900_000));
      if (model === "thinker") scene.upstream.answer = thinkerSays();
      const { status } = await respond([said(urls.map(image))], model);
      const text = JSON.stringify(told());
      expect([status, urls.map((one) => text.split(one).length - 1)]).toEqual(["completed", [1, 1, 1, 1, 1]]);
    },
  );

  test.each([[300], [90_000]])(
    "BerriAI/litellm#28232, CommandCodeAI/command-code#902, Blaizzy/mlx-vlm#1761: outputs of tools with files of %i bytes are no text of base64",
    async (bytes) => {
      const picture = url(bytes);
      const pdf = `data:application/pdf;base64,${Buffer.from(`%PDF-1.4\n${"x".repeat(bytes)}`).toString("base64")}`;
      const result = output([
        { type: "input_text", text: "Here:" },
        { type: "input_image", image_url: picture },
        { type: "input_file", filename: "a.pdf", file_data: pdf },
      ]);
      await respond([said([{ type: "input_text", text: "Look" }]), call, result]);
      const files = (told().messages as { role: string; content: unknown }[]).flatMap(({ role, content }) =>
        role === "user" && Array.isArray(content) ? (content as { type: string }[]) : [],
      );
      expect(files).toContainEqual(expect.objectContaining({ type: "image_url", image_url: { url: picture } }));
      expect(files.map(({ type }) => type)).toContain("file");
      const tool = told().messages.find(({ role }: { role: string }) => role === "tool");
      expect(JSON.stringify(tool)).not.toContain("base64");
    },
  );

  test("Cloudgeni-ai/opengeni#290, Cloudgeni-ai/opengeni#114: a screen that is given back is a picture, or left out with its call", async () => {
    scene.upstream.answer = thinkerSays();
    const { id, bytes } = await upload(17_000_000);
    const large = `${scene.dialect.server.url}/v1/files/${uuid(id)}/content`;
    const screens = [large, url(300), large];
    const items = screens.flatMap((image_url, index) => [
      {
        type: "computer_call",
        id: `cu_${index}`,
        call_id: `call_${index}`,
        action: { type: "screenshot" },
        status: "completed",
      },
      { type: "computer_call_output", call_id: `call_${index}`, output: { type: "computer_screenshot", image_url } },
    ]);
    await respond([said([{ type: "input_text", text: "Look" }]), ...items], "thinker");
    const input = told().input as { type: string; call_id?: string; output?: { image_url: string } }[];
    expect(input.filter(({ type }) => type === "computer_call").map(({ call_id }) => call_id)).toEqual([
      "call_1",
      "call_2",
    ]);
    const outputs = input.filter(({ type }) => type === "computer_call_output").map((one) => one.output?.image_url);
    const inPlace = `data:image/jpeg;base64,${bytes.toString("base64")}`;
    expect(outputs.map((one) => one === inPlace || one)).toEqual([screens[1], true]);
  });

  test("open-webui/open-webui#13103, open-webui/open-webui#29765, ddalcu/mlx-serve#288: entries name pictures, and hold none", async () => {
    const items = [said([image(url(200_000))]), call, output([{ type: "input_image", image_url: url(200_000) }])];
    const { id } = await scene.client.conversations.create({ items: items as never });
    const conversationId = uuid(id);
    const credential = { authorization: `Bearer ${scene.apiKey}` };
    const { messages } = await scene.dialect.server
      .client(MessageService, credential)
      .listMessages({ conversationId, kinds: [1, 4] });
    const sizes = messages.map(({ parts }) => JSON.stringify(parts).length);
    expect(sizes).toHaveLength(2);
    expect(Math.max(...sizes)).toBeLessThan(2_000);
  });

  test("praxis-proxy/ai#397, stanfordnlp/dspy#8916: a document in place reaches the model", async () => {
    const file_data = `data:text/plain;base64,${Buffer.from("The lift is red.").toString("base64")}`;
    await respond([said([{ type: "input_file", filename: "a.txt", file_data }])]);
    expect(JSON.stringify(told())).toContain("The lift is red.");
    await respond([said([{ type: "input_file", filename: "a.pdf", file_data: "JVBERi0xLjQK" }])]);
    expect(JSON.stringify(told())).toContain("JVBERi0xLjQK");
  });

  test("openai/openai-ruby#212, vercel/ai#18224, llm-d/llm-d-batch-gateway#94: expires_after as clients write it, and never passed over", async () => {
    const upload = async (fields: Readonly<Record<string, string>>) => {
      const form = new FormData();
      for (const [name, value] of Object.entries({ purpose: "user_data", ...fields })) form.set(name, value);
      form.set("file", new File(["x"], "x.txt"));
      const headers = { authorization: `Bearer ${scene.apiKey}` };
      const response = await fetch(`${scene.baseURL}/files`, { method: "POST", body: form, headers });
      const answer = (await response.json()) as { created_at: number; expires_at: number; error?: { param: string } };
      return response.status === 200 ? answer.expires_at - answer.created_at : answer.error?.param;
    };
    expect(await upload({ "expires_after[anchor]": "created_at", "expires_after[seconds]": "604800" })).toBe(604_800);
    expect(await upload({ expires_after: '{"anchor":"created_at","seconds":3600}' })).toBe(3600);
    expect(await upload({ expires_after: '{"anchor":"created_at","seconds":3599}' })).toBe("expires_after.seconds");
    expect(await upload({ expires_after: "604800" })).toBe("expires_after.anchor");
    const dotted = { "expires_after.anchor": "created_at", "expires_after.seconds": "3600" };
    expect(await upload(dotted)).toBe("expires_after.anchor");
    for (const seconds of ["2592001", "-1", "1e9", "", "3600.5"]) {
      const fields = { "expires_after[anchor]": "created_at", "expires_after[seconds]": seconds };
      expect(await upload(fields), seconds).toBe("expires_after.seconds");
    }
  });
});
