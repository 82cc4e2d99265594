"""The limit of gRPC's library: `python -m bench.load.echo ANSWER` answers every call with bytes, in hex.

grpc.aio on uvloop, one handler, no serialiser; it prints its port.
"""

import asyncio
import sys

import grpc
import uvloop


class Constant(grpc.GenericRpcHandler):
    """Takes every method."""

    def __init__(self, answer: bytes) -> None:
        async def handle(message: bytes, context: object) -> bytes:
            return answer

        self._handler = grpc.unary_unary_rpc_method_handler(handle)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return the one handler."""
        return self._handler


async def main() -> None:
    """Serve until the end."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Constant(bytes.fromhex(sys.argv[1])),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
