// Grammar of the console's identity providers.
import { z } from "zod";
import type { ConsoleIssuer } from "../domain/settings/console-issuer.ts";
import { WITHOUT_LOGIN } from "./values.ts";

const text = z
  .string({
    error: ({ input }) => (input === undefined ? "must be set" : "must be a string"),
  })
  .min(1, "must not be empty");

const provider = z
  .strictObject({
    issuer: z.url({ protocol: /^https?$/, error: "must be the URL of an issuer" }).refine(...WITHOUT_LOGIN),
    client_id: text,
    name: text.optional(),
    scope: text.default("openid"),
    token: z.enum(["access_token", "id_token"], { error: "must be access_token or id_token" }).default("access_token"),
    parameters: z.record(z.string(), z.string()).default({}),
    origins: z
      .array(
        z.string().refine((one) => URL.parse(one)?.origin === one, "must be an origin, such as https://id.example"),
      )
      .default([]),
  })
  .transform(({ client_id, name, ...rest }): ConsoleIssuer => {
    return { ...rest, clientId: client_id, name: name ?? new URL(rest.issuer).host };
  });

export const consoleIssuers = z
  .string()
  .transform((json, context): unknown => {
    try {
      return JSON.parse(json);
    } catch {
      context.addIssue("must be JSON: an array of identity providers");
      return z.NEVER;
    }
  })
  .pipe(
    z
      .array(provider, { error: "must be an array of identity providers" })
      .refine((all) => new Set(all.map((one) => one.issuer)).size === all.length, "must not name an issuer twice"),
  );
