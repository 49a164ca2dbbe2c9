// The pages and their addresses. A view's code is loaded when it is first opened.
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { readAuditSearch } from "../admin/audit/audit-search.ts";
import { readListSearch } from "../conversations/list-search.ts";
import { Loading } from "../ui/loading.tsx";
import { RouteFailure } from "../ui/route-failure.tsx";
import { addressOf, keepingUnread } from "./address.ts";
import { NotFound } from "./not-found.tsx";
import type { AppServices } from "./services.ts";
import { Shell } from "./shell.tsx";

const root = createRootRouteWithContext<AppServices>()({ notFoundComponent: NotFound });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: ({ next }: Record<string, unknown>): { next?: string } => ({ ...(isOwnPath(next) && { next }) }),
  component: lazyRouteComponent(() => import("../auth/sign-in.tsx"), "SignIn"),
});

const signedIn = createRoute({
  getParentRoute: () => root,
  path: "/signed-in",
  /** The provider's response, as it is. */
  validateSearch: (response: Record<string, unknown>) => response,
  component: lazyRouteComponent(() => import("../auth/signed-in.tsx"), "SignedIn"),
});

/** Everything that needs a session, inside the shell. */
const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  component: Shell,
  beforeLoad: ({ context, location }) => {
    if (context.session.current() !== undefined) return;
    throw redirect({ to: "/sign-in", search: location.href === "/" ? {} : { next: location.href } });
  },
});

const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/conversations", replace: true });
  },
});

const conversations = createRoute({
  getParentRoute: () => shell,
  path: "/conversations",
  validateSearch: keepingUnread(readListSearch),
  component: lazyRouteComponent(() => import("../conversations/conversations-page.tsx"), "ConversationsPage"),
});

const conversation = createRoute({
  getParentRoute: () => shell,
  path: "/conversations/$conversationId",
  /** The message to open the log at. Default: its end. */
  validateSearch: keepingUnread(({ at }): { at?: string } => (typeof at === "string" ? { at } : {})),
  component: lazyRouteComponent(() => import("../conversation/conversation-page.tsx"), "ConversationPage"),
});

const agents = createRoute({
  getParentRoute: () => shell,
  path: "/agents",
  component: lazyRouteComponent(() => import("../agents/agents-page.tsx"), "AgentsPage"),
});

const agent = createRoute({
  getParentRoute: () => shell,
  path: "/agents/$agentId",
  component: lazyRouteComponent(() => import("../agents/agent-page.tsx"), "AgentPage"),
});

const turn = createRoute({
  getParentRoute: () => shell,
  path: "/turns/$turnId",
  component: lazyRouteComponent(() => import("../turns/turn-page.tsx"), "TurnPage"),
});

const analytics = createRoute({
  getParentRoute: () => shell,
  path: "/analytics",
  validateSearch: keepingUnread(({ days }): { days?: string } =>
    days === "7" || days === "30" || days === "92" ? { days } : {},
  ),
  component: lazyRouteComponent(() => import("../analytics/analytics-page.tsx"), "AnalyticsPage"),
});

const health = createRoute({
  getParentRoute: () => shell,
  path: "/health",
  component: lazyRouteComponent(() => import("../health/health-page.tsx"), "HealthPage"),
});

const admin = createRoute({
  getParentRoute: () => shell,
  path: "/admin",
  component: lazyRouteComponent(() => import("../admin/admin-layout.tsx"), "AdminLayout"),
});

const adminHome = createRoute({
  getParentRoute: () => admin,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/admin/members", replace: true });
  },
});

const members = createRoute({
  getParentRoute: () => admin,
  path: "/members",
  component: lazyRouteComponent(() => import("../admin/members/members-page.tsx"), "MembersPage"),
});

const keys = createRoute({
  getParentRoute: () => admin,
  path: "/keys",
  validateSearch: keepingUnread(({ revoked }): { revoked?: "yes" } => (revoked === "yes" ? { revoked } : {})),
  component: lazyRouteComponent(() => import("../admin/keys/keys-page.tsx"), "KeysPage"),
});

const audit = createRoute({
  getParentRoute: () => admin,
  path: "/audit",
  validateSearch: keepingUnread(readAuditSearch),
  component: lazyRouteComponent(() => import("../admin/audit/audit-page.tsx"), "AuditPage"),
});

const webhooks = createRoute({
  getParentRoute: () => admin,
  path: "/webhooks",
  component: lazyRouteComponent(() => import("../admin/webhooks/webhooks-page.tsx"), "WebhooksPage"),
});

const webhook = createRoute({
  getParentRoute: () => admin,
  path: "/webhooks/$endpointId",
  component: lazyRouteComponent(() => import("../admin/webhooks/endpoint-page.tsx"), "EndpointPage"),
});

const retention = createRoute({
  getParentRoute: () => admin,
  path: "/retention",
  component: lazyRouteComponent(() => import("../admin/retention/retention-page.tsx"), "RetentionPage"),
});

const holds = createRoute({
  getParentRoute: () => admin,
  path: "/holds",
  validateSearch: keepingUnread(({ lifted }): { lifted?: "yes" } => (lifted === "yes" ? { lifted } : {})),
  component: lazyRouteComponent(() => import("../admin/holds/holds-page.tsx"), "HoldsPage"),
});

const jobs = createRoute({
  getParentRoute: () => admin,
  path: "/jobs",
  component: lazyRouteComponent(() => import("../admin/jobs/jobs-page.tsx"), "JobsPage"),
});

const tenants = createRoute({
  getParentRoute: () => admin,
  path: "/tenants",
  component: lazyRouteComponent(() => import("../admin/tenants/tenants-page.tsx"), "TenantsPage"),
});

/** An address that no page has, with the way on to those that there are. */
const unknown = createRoute({ getParentRoute: () => shell, path: "/$", component: NotFound });

const administration = admin.addChildren([
  adminHome,
  members,
  keys,
  audit,
  webhooks,
  webhook,
  retention,
  holds,
  jobs,
  tenants,
]);

const tree = root.addChildren([
  signIn,
  signedIn,
  shell.addChildren([
    home,
    conversations,
    conversation,
    agents,
    agent,
    turn,
    analytics,
    health,
    administration,
    unknown,
  ]),
]);

export function createAppRouter(context: AppServices) {
  return createRouter({
    routeTree: tree,
    context,
    basepath: "/console",
    defaultPreload: "intent",
    defaultPendingComponent: Loading,
    defaultErrorComponent: RouteFailure,
    // What a page does not know is not handed down to it.
    search: { strict: true },
    // Plain names and values, which people can read and write.
    parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
    stringifySearch: addressOf,
  });
}

/** A path of this console, as `next` of the sign-in page: it must not lead to another site. */
function isOwnPath(path: unknown): path is string {
  return typeof path === "string" && path.startsWith("/") && !path.startsWith("//") && !path.includes("\\");
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
