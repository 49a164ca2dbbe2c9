// Files as tests upload, name and download them, over REST and over the RPCs of any wire.
import { createHash } from "node:crypto";
import { readdirSync, readlinkSync } from "node:fs";
import { expect } from "vitest";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import type { File } from "../../../gen/colloquy/v1/file_pb.ts";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { ParticipantService } from "../../../gen/colloquy/v1/participant_service_pb.ts";
import type { Credential, IdentityServer, WIRES } from "../servers/identity-server.ts";

export type FileWire = (typeof WIRES)[number] | "rest";
export const FILE_WIRES: readonly FileWire[] = ["connect", "grpc", "grpc-web", "rest"];

/** The least picture there is: one pixel. */
export const PIXEL: Buffer<ArrayBuffer> = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** The files below a folder that this process has open. */
export function openFilesIn(folder: string): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(folder) ? [path] : [];
    } catch {
      return [];
    }
  });
}

/** One who calls. */
export interface Person {
  readonly credential: Credential;
  readonly conversations: ReturnType<typeof clientOf<typeof ConversationService>>;
  readonly messages: ReturnType<typeof clientOf<typeof MessageService>>;
  readonly participants: ReturnType<typeof clientOf<typeof ParticipantService>>;
  readonly files: ReturnType<typeof clientOf<typeof FileService>>;
  upload(bytes: Uint8Array, options?: { name?: string; type?: string }): Promise<File>;
  /** Sends a message with files; gives its id. */
  send(conversationId: string, ...fileIds: string[]): Promise<string>;
  /** Whether every way to ask for the file gives it, or none does; they must agree. */
  sees(fileId: string): Promise<boolean>;
  rest(path: string, init?: RequestInit): Promise<Response>;
}

function clientOf<S extends Parameters<IdentityServer["client"]>[0]>(
  server: IdentityServer,
  service: S,
  credential: Credential,
) {
  return server.client(service, credential);
}

export function personOf(server: IdentityServer, credential: Credential): Person {
  const rest = (path: string, init: RequestInit = {}) =>
    fetch(`${server.url}${path}`, { ...init, headers: { ...credential, ...init.headers } });
  const files = clientOf(server, FileService, credential);
  const messages = clientOf(server, MessageService, credential);
  return {
    credential,
    conversations: clientOf(server, ConversationService, credential),
    messages,
    participants: clientOf(server, ParticipantService, credential),
    files,
    rest,
    async upload(bytes, { name = "", type = "" } = {}) {
      const { file } = await files.createFile(pieces(bytes, { name, type }));
      if (file === undefined) throw new Error("no file came back");
      return file;
    },
    async send(conversationId, ...fileIds) {
      const parts = fileIds.map((fileId) => ({
        content: { case: "file" as const, value: { source: { case: "fileId" as const, value: fileId } } },
      }));
      const { message } = await messages.sendMessage({ conversationId, message: { parts } });
      return message?.id ?? "";
    },
    async sees(fileId) {
      const seen = await Promise.all([
        ...(["connect", "grpc", "grpc-web"] as const).flatMap((wire) => {
          const client = server.client(FileService, credential, wire);
          return [
            client.getFile({ fileId }).then(() => true, isNotFound),
            Array.fromAsync(client.downloadFile({ fileId })).then(() => true, isNotFound),
          ];
        }),
        rest(`/v1/files/${fileId}`).then(statusSays),
        rest(`/v1/files/${fileId}/content`).then(statusSays),
        rest(`/v1/files/${fileId}/content`, { headers: { range: "bytes=0-0" } }).then(statusSays),
      ]);
      expect(new Set(seen).size, JSON.stringify(seen)).toBe(1);
      return seen[0] ?? false;
    },
  };
}

/** A request stream that brings the bytes in pieces. */
export async function* pieces(
  bytes: Uint8Array,
  { name = "", type = "", size = 64 * 1024 }: { name?: string; type?: string; size?: number } = {},
) {
  yield { name, body: { contentType: type, data: new Uint8Array(bytes.subarray(0, size)) } };
  for (let at = size; at < bytes.byteLength; at += size) {
    yield { body: { data: new Uint8Array(bytes.subarray(at, at + size)) } };
  }
}

function isNotFound(error: Error): false {
  expect(error.message).toBe("[not_found] file not found");
  return false;
}

async function statusSays(response: Response): Promise<boolean> {
  await response.arrayBuffer();
  if (response.status === 404) return false;
  expect([200, 206]).toContain(response.status);
  return true;
}
