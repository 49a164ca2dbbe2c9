// The page of a chat.
import { useChat } from "@ai-sdk/react";
import {
  DefaultChatTransport,
  isToolUIPart,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  lastAssistantMessageIsCompleteWithToolCalls,
} from "ai";
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { api, ask, headers, id } from "./back-end.js";

function Chat() {
  const [text, setText] = useState("");
  const chat = useChat({
    id,
    transport: new DefaultChatTransport({ api: `${api}?agent=helper`, headers }),
    // What the agent waits for is sent once it is all there.
    sendAutomaticallyWhen: (state) =>
      lastAssistantMessageIsCompleteWithToolCalls(state) || lastAssistantMessageIsCompleteWithApprovalResponses(state),
    // A tool that runs here.
    onToolCall({ toolCall: { toolName, toolCallId } }) {
      if (toolName !== "timeZone") return;
      const output = Intl.DateTimeFormat().resolvedOptions().timeZone;
      chat.addToolOutput({ tool: toolName, toolCallId, output });
    },
  });
  const { messages, status, error, setMessages, resumeStream } = chat;
  const busy = status === "submitted" || status === "streaming";

  /** Reads the chat, and follows a reply that is being made. */
  async function load() {
    const stored = await ask("messages");
    if (stored.ok) setMessages(await stored.json());
    await resumeStream();
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page is there
  useEffect(() => void load(), []);
  useEffect(() => {
    // Another tab may have gone on.
    const onFocus = () => !busy && load();
    addEventListener("focus", onFocus);
    return () => removeEventListener("focus", onFocus);
  });

  async function stop() {
    await ask("stop", "POST");
    await chat.stop();
  }

  function send(event) {
    event.preventDefault();
    chat.sendMessage({ text });
    setText("");
  }

  return (
    <>
      {messages.map(({ id: key, role, parts }) => (
        <section key={key} data-role={role}>
          <b>{role}</b>
          {parts.map((part, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: parts keep their places
            <Part key={index} part={part} answer={chat.addToolApprovalResponse} />
          ))}
        </section>
      ))}
      {error && <p role="alert">{error.message}</p>}
      <form onSubmit={send}>
        <input aria-label="Message" value={text} onChange={({ target }) => setText(target.value)} />
        <button type="submit" disabled={busy || text === ""}>
          Send
        </button>
        <button type="button" disabled={!busy} onClick={stop}>
          Stop
        </button>
        <button type="button" disabled={busy || messages.length === 0} onClick={() => chat.regenerate()}>
          Again
        </button>
        <output>{status}</output>
      </form>
    </>
  );
}

function Part({ part, answer }) {
  if (part.type === "text") return <p>{part.text}</p>;
  if (part.type === "reasoning") return <p className="thought">{part.text}</p>;
  if (!isToolUIPart(part)) return null;
  const { state, approval, input, output, errorText } = part;
  const allow = (approved) => answer({ id: approval.id, approved });
  return (
    <p className="tool">
      {part.type}({JSON.stringify(input)}): {state} {errorText ?? JSON.stringify(output)}
      {state === "approval-requested" && (
        <>
          <button type="button" onClick={() => allow(true)}>
            Allow
          </button>
          <button type="button" onClick={() => allow(false)}>
            Refuse
          </button>
        </>
      )}
    </p>
  );
}

createRoot(document.getElementById("chat")).render(<Chat />);
