// The card of an agent: what it is for, and where it is reached.
import { create } from "@bufbuild/protobuf";
import type { Agent } from "../../../gen/colloquy/v1/agent_pb.ts";
import { type AgentCard, AgentCardSchema } from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import { calledOrigin } from "../../dialects/shared/called-origin.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { FrontendOptions } from "../shared/options.ts";
import { LOG_PART } from "./parts.ts";

const PROTOCOL_VERSION = "1.0";
/** A file that a model does not take is told to it in words. */
const INPUT_MODES = ["text/plain", "application/json", "text/*", "image/*", "audio/*", "video/*", "application/*"];
const OUTPUT_MODES = ["text/plain", "application/json", "image/*", "application/*", LOG_PART];

/** As its caller reaches it: by the host that the call names. */
export function cardOf(
  { name, description }: Agent,
  context: CallContext,
  { tls, version }: Pick<FrontendOptions, "tls" | "version">,
): AgentCard {
  const origin = calledOrigin(context, tls);
  const { host, protocol, port } = new URL(origin);
  const grpc = port === "" ? `${host}:${protocol === "https:" ? 443 : 80}` : host;
  const at = (protocolBinding: string, url: string) => ({
    url,
    protocolBinding,
    protocolVersion: PROTOCOL_VERSION,
    tenant: name,
  });
  const about = description || `The agent ${name}`;
  return create(AgentCardSchema, {
    name,
    description: about,
    version,
    supportedInterfaces: [at("JSONRPC", `${origin}/a2a`), at("HTTP+JSON", `${origin}/a2a`), at("GRPC", grpc)],
    capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: true },
    securitySchemes: {
      bearer: {
        scheme: {
          case: "httpAuthSecurityScheme",
          value: { scheme: "Bearer", description: "An API key, or a JWT of an issuer that the server trusts." },
        },
      },
    },
    securityRequirements: [{ schemes: { bearer: { list: [] } } }],
    defaultInputModes: INPUT_MODES,
    defaultOutputModes: OUTPUT_MODES,
    skills: [{ id: "chat", name: "Chat", description: about, tags: ["chat"] }],
  });
}
