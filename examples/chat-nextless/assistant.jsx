// The same chat with assistant-ui: its components on the chat of AI SDK, and Colloquy as its back end.
import { useChat } from "@ai-sdk/react";
import {
  ActionBarPrimitive,
  AssistantRuntimeProvider,
  ComposerPrimitive,
  MessagePrimitive,
  ThreadPrimitive,
} from "@assistant-ui/react";
import { useAISDKRuntime } from "@assistant-ui/react-ai-sdk";
import { DefaultChatTransport, lastAssistantMessageIsCompleteWithToolCalls } from "ai";
import { useEffect } from "react";
import { createRoot } from "react-dom/client";
import { api, ask, headers, id } from "./back-end.js";

function Chat() {
  const chat = useChat({
    id,
    transport: new DefaultChatTransport({ api: `${api}?agent=helper`, headers }),
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithToolCalls,
    // A tool that runs here.
    onToolCall({ toolCall: { toolName, toolCallId } }) {
      if (toolName !== "timeZone") return;
      const output = Intl.DateTimeFormat().resolvedOptions().timeZone;
      chat.addToolOutput({ tool: toolName, toolCallId, output });
    },
  });
  const runtime = useAISDKRuntime(chat);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page is there
  useEffect(() => {
    (async () => {
      const stored = await ask("messages");
      if (stored.ok) chat.setMessages(await stored.json());
      await chat.resumeStream();
    })();
  }, []);

  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <ThreadPrimitive.Root>
        <ThreadPrimitive.Messages components={{ UserMessage: Message, AssistantMessage: Message }} />
        <ComposerPrimitive.Root>
          <ComposerPrimitive.Input aria-label="Message" />
          <ComposerPrimitive.Send>Send</ComposerPrimitive.Send>
          {/* Closing the connection does not stop the agent: this does. */}
          <button type="button" onClick={() => ask("stop", "POST")}>
            Stop
          </button>
          <output>{chat.status}</output>
        </ComposerPrimitive.Root>
      </ThreadPrimitive.Root>
    </AssistantRuntimeProvider>
  );
}

function Message() {
  return (
    <MessagePrimitive.Root>
      <section>
        <MessagePrimitive.Parts components={{ Text, Reasoning: Text, tools: { Fallback: Tool } }} />
        <ActionBarPrimitive.Root>
          <ActionBarPrimitive.Reload>Again</ActionBarPrimitive.Reload>
        </ActionBarPrimitive.Root>
      </section>
    </MessagePrimitive.Root>
  );
}

function Text({ text }) {
  return <p>{text}</p>;
}

function Tool({ toolName, argsText, result }) {
  return (
    <p className="tool">
      {toolName}({argsText}): {JSON.stringify(result)}
    </p>
  );
}

createRoot(document.getElementById("chat")).render(<Chat />);
