// A tool that an agent may call.

/** Who runs it: a client that follows the turn, or this server, over HTTP or MCP. */
export type ToolRunner = "client" | "http" | "mcp";

export interface AgentTool {
  /** Unique among the tools of a turn. */
  readonly name: string;
  /** For the model. May be empty. */
  readonly description: string;
  /** The JSON schema of its arguments, as text. Empty: any object. */
  readonly inputSchemaJson: string;
  readonly place: ToolRunner;
  /** Whether somebody must agree to each call first. */
  readonly needsApproval: boolean;
}

/** An MCP server as an agent's row keeps it. */
export interface StoredMcpServer {
  readonly name: string;
  readonly url: string;
  /** Encrypted, in base64. */
  readonly credential?: string;
  /** By the server's own names. Undefined: all. */
  readonly allowedTools?: readonly string[];
  /** Of all its tools. */
  readonly needsApproval: boolean;
  /** Of these tools, by the server's own names. Undefined: of none. */
  readonly approvalTools?: readonly string[];
  readonly timeoutMs: number;
}

/** A tool as an agent's row keeps it. */
export interface StoredTool extends AgentTool {
  /** Of one that is asked over HTTP, as the next two. */
  readonly url?: string;
  /** Encrypted, in base64. */
  readonly credential?: string;
  readonly timeoutMs?: number;
}
