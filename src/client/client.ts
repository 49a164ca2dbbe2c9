// Makes the typed clients of a server's services.
import {
  type Client,
  createClient as createServiceClient,
  type Interceptor,
  type Transport,
} from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DraftService } from "../../gen/colloquy/v1/draft_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import type { File } from "../../gen/colloquy/v1/file_pb.ts";
import { FileService } from "../../gen/colloquy/v1/file_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { ParticipantService } from "../../gen/colloquy/v1/participant_service_pb.ts";
import { PresenceService } from "../../gen/colloquy/v1/presence_service_pb.ts";
import { ReactionService } from "../../gen/colloquy/v1/reaction_service_pb.ts";
import { SignalService } from "../../gen/colloquy/v1/signal_service_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { type ChatOptions, type ChatStep, chat, type RegenerateOptions, regenerate } from "./chat.ts";
import { type Credential, type Identity, identify, identityOf } from "./credential.ts";
import { type DownloadOptions, downloadFile } from "./files/download.ts";
import { persistenceOf } from "./files/persist.ts";
import { Rest } from "./files/rest.ts";
import { type UploadOptions, type UploadSource, uploadFile } from "./files/upload.ts";
import { ReadPosition } from "./position.ts";
import { type RetryOptions, retrying } from "./retry.ts";
import { type SubscribeOptions, type SubscriptionEntry, subscribe } from "./subscribe.ts";

export interface ClientOptions {
  /** Where the server is, such as `https://talk.example.com`. */
  readonly baseUrl: string;
  /** An API key. Default: none. */
  readonly apiKey?: string;
  /** A JWT, or what gives one before each call. Default: the API key. */
  readonly token?: Credential;
  /** The member that an API key acts for. Default: none. */
  readonly actFor?: string;
  /** How failed calls are tried again. */
  readonly retry?: RetryOptions;
  /** How long a unary call may take, in milliseconds, retries included. Default: 30,000. */
  readonly timeoutMs?: number;
  /** Run around every call, outermost first; not around `uploadFile` and `downloadFile`. Default: none. */
  readonly interceptors?: readonly Interceptor[];
  /** Sends the requests. Default: the global fetch. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface ColloquyClient {
  readonly conversations: Client<typeof ConversationService>;
  readonly messages: Client<typeof MessageService>;
  readonly turns: Client<typeof TurnService>;
  readonly participants: Client<typeof ParticipantService>;
  /** Uploads go by `uploadFile`: the transport of this client sends no streams. */
  readonly files: Omit<Client<typeof FileService>, "createFile">;
  readonly reactions: Client<typeof ReactionService>;
  readonly signals: Client<typeof SignalService>;
  readonly presence: Client<typeof PresenceService>;
  readonly drafts: Client<typeof DraftService>;
  readonly events: Client<typeof EventService>;
  readonly transfer: Client<typeof TransferService>;
  readonly agents: Client<typeof AgentService>;
  /** Follows a conversation, or all that the caller may see, over any number of broken connections. */
  subscribe(options?: SubscribeOptions): AsyncGenerator<SubscriptionEntry>;
  /** Sends a message and gives the agent's reply as it comes, over any number of broken connections. */
  chat(options: ChatOptions): AsyncGenerator<ChatStep>;
  /** Has an agent reply once more to a message, and gives the reply likewise. */
  regenerate(options: RegenerateOptions): AsyncGenerator<ChatStep>;
  /** Uploads a file, over any number of broken connections; with its progress, and an end at any time. */
  uploadFile(source: UploadSource, options?: UploadOptions): Promise<File>;
  /** Downloads a file, over any number of broken connections: a response as that of `fetch`. */
  downloadFile(fileId: string, options?: DownloadOptions): Promise<Response>;
  /**
   * Has the next read answered with what is newest, after something was learnt of by another way than this client, such
   * as a webhook. Only servers that read replicas of their database may show what is some seconds old without it.
   */
  forgetPosition(): void;
  /** Underneath: for a client of any other service of the contract. */
  readonly transport: Transport;
}

/** Makes a client. Nothing is sent before its first call. */
export function createClient(options: ClientOptions): ColloquyClient {
  const { baseUrl, retry, fetch } = options;
  const identity = identityOf(options.token ?? options.apiKey, options.actFor);
  const position = new ReadPosition();
  const transport = createTransport(options, identity, position);
  const turns = createServiceClient(TurnService, transport);
  const events = createServiceClient(EventService, transport);
  const files = createServiceClient(FileService, transport);
  const bytes = { rest: new Rest({ baseUrl, identity, fetch }), files, persistence: persistenceOf(retry) };
  const connection = { renews: typeof (options.token ?? options.apiKey) === "function" };
  return {
    conversations: createServiceClient(ConversationService, transport),
    messages: createServiceClient(MessageService, transport),
    turns,
    participants: createServiceClient(ParticipantService, transport),
    files,
    reactions: createServiceClient(ReactionService, transport),
    signals: createServiceClient(SignalService, transport),
    presence: createServiceClient(PresenceService, transport),
    drafts: createServiceClient(DraftService, transport),
    events,
    transfer: createServiceClient(TransferService, transport),
    agents: createServiceClient(AgentService, transport),
    subscribe: (subscription = {}) => subscribe(events, subscription, connection),
    chat: (turn) => chat(turns, turn, connection),
    regenerate: (turn) => regenerate(turns, turn, connection),
    uploadFile: (source, upload = {}) => uploadFile(bytes, source, upload).finally(() => position.forget()),
    downloadFile: (fileId, download = {}) => downloadFile(bytes, fileId, download),
    forgetPosition: () => position.forget(),
    transport,
  };
}

function createTransport(
  { baseUrl, retry, interceptors = [], fetch, timeoutMs = 30_000 }: ClientOptions,
  identity: Identity,
  position: ReadPosition,
): Transport {
  return withDefaultTimeout(
    createConnectTransport({
      baseUrl,
      useBinaryFormat: true,
      interceptors: [
        ...interceptors,
        retrying({ budgetMs: timeoutMs, ...retry }),
        position.interceptor,
        identify(identity),
      ],
      ...(fetch && { fetch }),
    }),
    timeoutMs,
  );
}

/** Streams may go on for as long as they like, so only unary calls get a limit. */
function withDefaultTimeout(transport: Transport, timeoutMs: number): Transport {
  return {
    unary: (method, signal, limit, ...rest) => transport.unary(method, signal, limit ?? timeoutMs, ...rest),
    stream: (...call) => transport.stream(...call),
  };
}
