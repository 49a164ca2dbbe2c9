// The order of the whole suite: the files that take longest first, so that none of them is left to run at its end alone.
import type { TestSpecification } from "vitest/node";
import { BaseSequencer } from "vitest/node";

/** Below `test/`, without `.test.ts`: those that take ten seconds or more on two quiet processors. */
export const LONGEST = [
  "field/framing",
  "services/permissions",
  "field/socket-costs",
  "fault/embedded",
  "field/answer-memory",
  "fault/stop",
  "docs/documents",
  "fault/load",
  "field/bodies",
  "field/export",
  "fault/isolation",
  "fault/upgrades",
  "fault/webhooks",
  "field/package",
  "fault/durability",
  "field/costs",
  "fault/restart",
  "field/front-bodies",
  "protocols/rpc/five-wires",
  "field/search-cost",
  "cli/backup",
  "field/session-settings",
  "dialects/helpdesk/requests",
  "field/proxies",
  "cli/commands",
  "docs/live",
  "fault/chat",
  "field/own-work",
  "frontends/aisdk/browser",
  "cli/doctor",
  "cli/settings-in-use",
  "protocols/rest/openapi/client",
  "field/import-memory",
  "protocols/rest/openapi/server",
  "field/size-reports",
  "services/parts-wires",
  "services/subscribe",
  "fault/torture/torture",
  "services/drafts",
  "field/fetch-bounds",
  "field/drain",
  "field/partial-updates",
  "field/tracing-reports",
  "field/answer-sizes",
  "unit/protocols/http/small-pieces",
  "fault/fuzz",
  "protocols/rest/openapi/docs",
  "fault/turn-kills",
  "services/transfer",
  "fault/live",
  "field/client-package",
  "field/import-framings",
  "field/open-places",
  "field/mcp-reports",
  "cli/cluster",
  "services/chat",
  "field/odd-databases",
  "services/message-batch",
  "field/agent-health",
  "field/operators",
  "field/webhook-reports",
  "field/round-trip",
  "field/whole-lists",
  "client/browser",
  "field/held-connections",
  "deploy/deploy",
  "cli/reload-settings",
  "fault/external-database",
  "fault/isolation-dialects",
  "frontends/aisdk/random",
  "protocols/rpc/stream-lane",
  "services/client-tokens",
  "field/turn-unwanted",
  "field/export-access",
  "field/transaction-pooling",
  "field/reload",
  "dialects/assistant/paging",
  "field/replace-memory",
  "field/poolers",
  "server/bad-requests",
  "field/idle-follows",
  "fault/full-disk",
  "dialects/docs",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const places = new Map(LONGEST.map((name, place) => [name, place]));
    const placeOf = ({ moduleId }: TestSpecification) =>
      places.get(moduleId.replace(/^.*\/test\//, "").replace(/\.test\.ts$/, "")) ?? LONGEST.length;
    // What takes less stays in the order of Vitest, and so do the projects.
    const sorted = await super.sort(files);
    const projects = [...new Set(sorted.map(({ project }) => project))];
    return projects.flatMap((project) =>
      sorted.filter((file) => file.project === project).toSorted((a, b) => placeOf(a) - placeOf(b)),
    );
  }
}
