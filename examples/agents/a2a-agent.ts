// An agent that speaks A2A, on the official package: it repeats what it is told, word by word, and asks back where it
// is told to water something. Start it with `node examples/agents/a2a-agent.ts`.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AgentCard, Message, TaskStatus } from "@a2a-js/sdk";
import { TaskState } from "@a2a-js/sdk";
import {
  AgentEvent,
  type AgentExecutor,
  DefaultRequestHandler,
  InMemoryTaskStore,
  JsonRpcTransportHandler,
  ServerCallContext,
} from "@a2a-js/sdk/server";

const PORT = Number(process.env.PORT ?? 8090);
const MORE = { metadata: undefined, extensions: [], referenceTaskIds: [] };

const card: AgentCard = {
  name: "gardener",
  description: "Repeats what it is told, and waters plants",
  supportedInterfaces: [
    { url: `http://127.0.0.1:${PORT}/`, protocolBinding: "JSONRPC", protocolVersion: "1.0", tenant: "" },
  ],
  provider: undefined,
  version: "1.0.0",
  capabilities: { streaming: true, pushNotifications: false, extensions: [], extendedAgentCard: false },
  securitySchemes: {},
  securityRequirements: [],
  defaultInputModes: ["text/plain"],
  defaultOutputModes: ["text/plain"],
  skills: [
    {
      id: "repeat",
      name: "Repeat",
      description: "Says it again",
      tags: [],
      examples: [],
      inputModes: [],
      outputModes: [],
      securityRequirements: [],
    },
  ],
  signatures: [],
};

const textPart = (value: string) => ({
  content: { $case: "text" as const, value },
  metadata: undefined,
  filename: "",
  mediaType: "text/plain",
});
const textOf = ({ parts }: Message) =>
  parts.map(({ content }) => (content?.$case === "text" ? content.value : "")).join("");

const executor: AgentExecutor = {
  async execute({ userMessage, taskId, contextId, task }, bus) {
    const status = (state: TaskState, words?: string): TaskStatus => {
      const message =
        words === undefined
          ? undefined
          : { messageId: randomUUID(), contextId, taskId, role: 2, parts: [textPart(words)], ...MORE };
      return { state, message: message as Message | undefined, timestamp: new Date().toISOString() };
    };
    const now = (state: TaskState, words?: string) =>
      bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status: status(state, words), metadata: undefined }));
    const said = textOf(userMessage);
    // A stream begins with the task, also where it goes on.
    bus.publish(
      AgentEvent.task({
        id: taskId,
        contextId,
        artifacts: task?.artifacts ?? [],
        history: [...(task?.history ?? []), userMessage],
        status: status(TaskState.TASK_STATE_WORKING),
        metadata: undefined,
      }),
    );
    if (task === undefined && said.startsWith("water")) now(TaskState.TASK_STATE_INPUT_REQUIRED, "Which plant?");
    else {
      const words = task === undefined ? said : `watered ${said}`;
      for (const [at, word] of (words.match(/\s*\S+/g) ?? []).entries()) {
        const artifact = {
          artifactId: "reply",
          name: "",
          description: "",
          parts: [textPart(word)],
          metadata: undefined,
          extensions: [],
        };
        bus.publish(
          AgentEvent.artifactUpdate({
            taskId,
            contextId,
            artifact,
            append: at > 0,
            lastChunk: false,
            metadata: undefined,
          }),
        );
      }
      now(TaskState.TASK_STATE_COMPLETED);
    }
    bus.finished();
  },
  async cancelTask(taskId, bus) {
    const status = { state: TaskState.TASK_STATE_CANCELED, message: undefined, timestamp: undefined };
    bus.publish(AgentEvent.statusUpdate({ taskId, contextId: "", status, metadata: undefined }));
    bus.finished();
  },
};

const handler = new JsonRpcTransportHandler(new DefaultRequestHandler(card, new InMemoryTaskStore(), executor));

createServer(async (request, response) => {
  if (request.method === "GET") return response.setHeader("content-type", "application/json").end(JSON.stringify(card));
  const body = Buffer.concat(await Array.fromAsync(request)).toString();
  const requestedVersion = String(request.headers["a2a-version"] ?? "0.3");
  const answer = await handler.handle(body, new ServerCallContext({ requestedVersion }));
  if (!(Symbol.asyncIterator in answer)) {
    return response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
  }
  response.setHeader("content-type", "text/event-stream");
  for await (const event of answer) response.write(`data: ${JSON.stringify(event)}\n\n`);
  response.end();
}).listen(PORT, "127.0.0.1", () => console.log(`a gardener at http://127.0.0.1:${PORT}/`));
