// What a command that failed says, and the exit status it ends with.
import { ConfigError } from "../../config/config.ts";
import { DomainError } from "../../domain/errors.ts";
import { SettingError } from "../../domain/settings/setting-error.ts";
import { CommandError, UsageError } from "../command.ts";
import { FAILED, MISUSED } from "./exit-status.ts";

export interface Failure {
  readonly status: number;
  /** For stderr; with a stack trace if nobody expected the error. */
  readonly text: string;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ConfigError) {
    const lines = error.problems.map((line) => `  ${line}\n`);
    return { status: MISUSED, text: `colloquy: invalid settings\n${lines.join("")}` };
  }
  if (error instanceof UsageError) return { status: MISUSED, text: `colloquy: ${error.message}\n` };
  const expected = error instanceof CommandError || error instanceof DomainError || error instanceof SettingError;
  const said = expected ? error.message : error instanceof Error ? error.stack : String(error);
  const cause = expected && error.cause instanceof Error ? `  ${error.cause.message}\n` : "";
  return { status: FAILED, text: `colloquy: ${said}\n${cause}` };
}
