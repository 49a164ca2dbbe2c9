// What every view may use: the session, the connection and the transport of calls.
import type { Transport } from "@connectrpc/connect";
import { createContext, use } from "react";
import type { Connection } from "../api/connection.ts";
import type { ReadMember } from "../api/read-member.ts";
import type { SessionStore } from "../auth/session.ts";

export interface AppServices {
  readonly session: SessionStore;
  readonly connection: Connection;
  readonly transport: Transport;
  readonly readMember: ReadMember;
}

const Context = createContext<AppServices | undefined>(undefined);
export const Services = Context.Provider;

export function useServices(): AppServices {
  const services = use(Context);
  if (services === undefined) throw new Error("there are no services above this component");
  return services;
}
