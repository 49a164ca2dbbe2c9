// Puts the parts together: theme, session, calls, pages.
import { TransportProvider } from "@connectrpc/connect-query";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useState } from "react";
import { createConnection } from "../api/connection.ts";
import { createQueryClient } from "../api/query-client.ts";
import { createReadMember } from "../api/read-member.ts";
import { createTransport } from "../api/transport.ts";
import { createSession } from "../auth/session.ts";
import { forgetDrafts } from "../conversation/composer/draft-memory.ts";
import { createAppRouter } from "./routes.tsx";
import { Services } from "./services.ts";
import { theme } from "./theme.ts";

export function App() {
  const [parts] = useState(createParts);
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <Services value={parts.services}>
        <TransportProvider transport={parts.services.transport}>
          <QueryClientProvider client={parts.queries}>
            <RouterProvider router={parts.router} />
          </QueryClientProvider>
        </TransportProvider>
      </Services>
    </MantineProvider>
  );
}

function createParts() {
  const session = createSession(sessionStorage);
  const connection = createConnection();
  const queries = createQueryClient();
  const transport = createTransport(session, connection);
  // What was on the page while the connection was lost may have changed.
  connection.onBack(() => void queries.invalidateQueries());
  session.subscribe(() => {
    queries.clear();
    if (session.ended() === "signed-out") forgetDrafts(sessionStorage);
  });
  const services = { session, connection, transport, readMember: createReadMember(transport) };
  return { services, queries, router: createAppRouter(services) };
}
