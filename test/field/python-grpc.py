"""Calls the test contract with Python's gRPC (the C core). Arguments: address, token, directory of the
generated code, address to ping, file with an import.
Prints one JSON object: what each call came to."""
import json
import sys
import time

sys.path.insert(0, sys.argv[3])
import grpc  # noqa: E402
from colloquy.test.v1 import echo_pb2 as pb, echo_pb2_grpc as stubs  # noqa: E402
from google.rpc import error_details_pb2, status_pb2  # noqa: E402

MIB = 1024 * 1024
META = (("authorization", f"Bearer {sys.argv[2]}"),)
seen = {}


def outcome(call):
    try:
        return call()
    except grpc.RpcError as error:
        found = {"code": error.code().name, "details": error.details()}
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                status = status_pb2.Status.FromString(value)
                found["status"] = status.message
                for detail in status.details:
                    bad = error_details_pb2.BadRequest()
                    if detail.Unpack(bad):
                        found["fields"] = [violation.field for violation in bad.field_violations]
        return found


def raw(channel, path, body=b""):
    same = lambda data: data  # noqa: E731
    return outcome(lambda: channel.unary_unary(path, same, same)(body, metadata=META, timeout=30).hex())


OPTIONS = [("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_permit_without_calls", 1)]
with grpc.insecure_channel(sys.argv[1], options=OPTIONS) as channel:
    echo = stubs.EchoServiceStub(channel)
    seen["unary"] = outcome(lambda: echo.Echo(pb.EchoRequest(text="zwei — ü"), metadata=META, timeout=30).text)
    seen["server stream"] = outcome(
        lambda: len(list(echo.Repeat(pb.RepeatRequest(text="a", times=3), metadata=META, timeout=30)))
    )
    texts = ["one", "two", "three"]
    collected = lambda: iter([pb.CollectRequest(text=text) for text in texts])  # noqa: E731
    seen["client stream"] = outcome(lambda: list(echo.Collect(collected(), metadata=META, timeout=30).texts))
    conversed = lambda: iter([pb.ConverseRequest(text=text) for text in texts])  # noqa: E731
    seen["both ways"] = outcome(lambda: len(list(echo.Converse(conversed(), metadata=META, timeout=30))))
    for name, code in (("gzip", grpc.Compression.Gzip), ("deflate", grpc.Compression.Deflate)):
        request = pb.EchoRequest(text="x" * 10_000)
        seen[name] = outcome(lambda: len(echo.Echo(request, metadata=META, compression=code, timeout=30).text))
    seen["bad field"] = outcome(lambda: echo.Echo(pb.EchoRequest(behave="x" * 101), metadata=META, timeout=30))
    seen["no credential"] = outcome(lambda: echo.Echo(pb.EchoRequest(text="a"), timeout=30))
    seen["deadline"] = outcome(lambda: echo.Echo(pb.EchoRequest(behave="hang"), metadata=META, timeout=0.3))
    seen["too large"] = outcome(lambda: echo.Echo(pb.EchoRequest(data=bytes(5 * MIB)), metadata=META, timeout=30))
    seen["no service"] = raw(channel, "/no.such.Service/M")
    seen["no method"] = raw(channel, "/colloquy.test.v1.EchoService/NoSuch", bytes(200_000))
    seen["after all"] = outcome(lambda: echo.Echo(pb.EchoRequest(text="still"), metadata=META, timeout=30).text)

# Pings twice a second, while a call says nothing and while there is none.
PINGING = [
    ("grpc.keepalive_time_ms", 500),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_time_between_pings_ms", 100),
    ("grpc.http2.min_ping_interval_without_data_ms", 100),
]
with grpc.insecure_channel(sys.argv[4], options=PINGING) as channel:
    echo = stubs.EchoServiceStub(channel)
    seen["pings: silent call"] = outcome(lambda: echo.Echo(pb.EchoRequest(behave="hang"), metadata=META, timeout=3))
    time.sleep(2)
    seen["pings: after"] = outcome(lambda: echo.Echo(pb.EchoRequest(text="still"), metadata=META, timeout=30).text)

# An import into the real store: requests and their answer as bytes, whose code Debian's compiler is too old to make.
with open(sys.argv[5]) as file:
    imported = json.load(file)
with grpc.insecure_channel(imported["address"]) as channel:
    same = lambda data: data  # noqa: E731
    call = channel.stream_unary("/colloquy.v1.TransferService/ImportConversations", same, same)
    pieces = (bytes.fromhex(piece) for piece in imported["requests"])
    metadata = [tuple(pair) for pair in imported["metadata"]]
    seen["import"] = outcome(lambda: call(pieces, metadata=metadata, timeout=30).hex())
print(json.dumps(seen))
