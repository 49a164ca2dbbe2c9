// Allowed addresses of agents: loopback and private networks are refused unless the operator allows them.
import { createAddressGuard } from "../../outbound/addresses.ts";
import { AgentFailure } from "./connector.ts";

export { hostOf, isPrivateAddress } from "../../outbound/addresses.ts";

export const { checkHost, lookup: publicLookup } = createAddressGuard(
  () =>
    new AgentFailure("the agent's address is on a private network, which this server does not allow", {
      health: "unknown",
    }),
);
