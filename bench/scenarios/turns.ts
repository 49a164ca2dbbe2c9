// What a turn of many deltas costs: how often it writes to the database, and how much later the first delta arrives.
import { fromJson } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import pg from "pg";
import { AgentService, CreateAgentRequestSchema } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { spreadOf } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { startModel } from "./model.ts";

const DELTAS = 2_000;
const SHORT_TURNS = 30;

export async function turns(stage: Stage): Promise<Row> {
  const { port } = await stage.colloquy("colloquy with agents", {
    COLLOQUY_AGENT_PRIVATE: "yes",
    // A notification is a transaction too, though one that writes nothing.
    COLLOQUY_HINTS: "local",
  });
  const model = await startModel();
  const database = new pg.Client({ connectionString: stage.url });
  await database.connect();
  try {
    const headers = { authorization: `Bearer ${stage.token("admin")}` };
    const transport = createConnectTransport({ baseUrl: `http://127.0.0.1:${port}`, httpVersion: "1.1" });
    const name = `bench-${Date.now()}`;
    const openai = { baseUrl: `http://127.0.0.1:${model.port}/v1`, model: "bench" };
    await createClient(AgentService, transport).createAgent(
      fromJson(CreateAgentRequestSchema, { agent: { name, openai } }),
      { headers },
    );
    const created = await createClient(ConversationService, transport).createConversation(
      { conversation: { agent: name } },
      { headers },
    );
    const conversationId = created.conversation?.id ?? "";
    const chat = async (deltas: number): Promise<number> => {
      model.deltas = deltas;
      let first: number | undefined;
      let text = 0;
      const asked = { conversationId, message: { content: "go on" } };
      for await (const { event } of createClient(TurnService, transport).chat(asked, { headers })) {
        if (event.case !== "delta") continue;
        first ??= performance.now();
        text += event.value.text.length;
      }
      if (text !== deltas * model.word.length) throw new Error(`a turn said ${text} characters`);
      return (first ?? Number.NaN) - model.spokeAt;
    };
    const delays: number[] = [];
    for (let turn = 0; turn < SHORT_TURNS + 5; turn++) delays.push(await chat(1));
    // What every turn writes, however long it is.
    const around = await transactions(database);
    await chat(1);
    const before = await transactions(database);
    const begun = performance.now();
    await chat(DELTAS);
    const seconds = (performance.now() - begun) / 1000;
    const writes = ((await transactions(database)) - before - (before - around)) / seconds;
    const delay = spreadOf(delays.slice(5));
    return {
      goal: "–",
      work: `A turn of ${DELTAS.toLocaleString("en")} deltas in ${seconds.toFixed(1)} s; the first delta of ${SHORT_TURNS} turns`,
      measured: [
        {
          name: "transactions that write, beyond those of a turn of one delta",
          amount: spreadOf([writes]),
          unit: "/s",
        },
        { name: "from the agent's first delta to the caller's", amount: delay, unit: " ms" },
      ],
      verdicts: [
        { what: "writes", value: writes, atMost: 4, unit: "/s" },
        { what: "first delta", value: delay.median, atMost: 5, unit: " ms" },
      ],
    };
  } finally {
    await database.end();
    model.close();
  }
}

/** How many transactions have written anything in the whole cluster: those alone are numbered. */
async function transactions(database: pg.Client): Promise<number> {
  const { rows } = await database.query("select pg_snapshot_xmax(pg_current_snapshot())::text as next");
  return Number(rows[0].next);
}
