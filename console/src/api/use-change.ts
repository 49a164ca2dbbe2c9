// A call that changes something: what is in sight is read anew once it has succeeded.
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { useMutation } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";

export function useChange<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  onDone?: (response: MessageShape<O>, request: MessageInitShape<I>) => void,
) {
  const queries = useQueryClient();
  return useMutation(method, {
    onSuccess: (response, request) => {
      void queries.invalidateQueries();
      onDone?.(response, request);
    },
  });
}
