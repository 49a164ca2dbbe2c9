// How the content type of a call is spelled where calls are told apart by it.
import { binaryType } from "./web-text.ts";

/** What most callers send is spelled so, and not looked at twice. */
const AS_IT_IS = /^(?!application\/grpc-web-)[a-z/+-]*$/;

/**
 * In lower case, for JSON and text without a charset that says UTF-8 (which browsers add), and for text of gRPC-Web the
 * type that it stands for.
 */
export function formName(contentType: string | undefined): string {
  const given = contentType ?? "";
  if (AS_IT_IS.test(given)) return given;
  const lower = given.toLowerCase();
  const bare = lower.replace(/; ?charset=utf-?8$/, "");
  const binary = binaryType(bare);
  return binary !== bare || bare.endsWith("json") ? binary : lower;
}
