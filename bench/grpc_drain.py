"""Calls that are lost when servers end: `python -m bench.grpc_drain [--rounds 20]`.

Two servers, and clients that know both and repeat what is unavailable, as gRPC's retry policy says. In each
round one of them ends by SIGTERM under load; in as many more rounds a worker of one is killed. Exit code 1
where more than one call in 10,000 is lost.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import grpc

from bench.grpc import INFER, request_of
from bench.load.live import Running, serving, workers_of
from bench.load.phones import phones
from bench.show.tables import show

AT_ONCE = 16
SETTLED = 1.5
"""Seconds of load before an end and after it."""
ANSWERED, TERMINATED, KILLED = "answered", "SIGTERM", "kill -9 of a worker"
MOST_LOST = 1e-4
RETRIES = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}


async def ask(channel: grpc.aio.Channel, message: bytes, seen: Counter[str], end: asyncio.Event) -> None:
    """Ask over and over."""
    call = channel.unary_unary(INFER)
    while not end.is_set():
        try:
            await call(message, timeout=10)
            seen[ANSWERED] += 1
        except grpc.aio.AioRpcError as error:
            seen[f"{error.code().name}: {str(error.details())[:60]}"] += 1


async def under_load(servers: list[Running], message: bytes, what: str, seen: Counter[str]) -> None:
    """Have a server end by SIGTERM, or one of its workers killed, while clients ask."""
    addresses = ",".join(f"127.0.0.1:{server.grpc_port}" for server in servers)
    options = (("grpc.service_config", json.dumps(RETRIES)), ("grpc.use_local_subchannel_pool", 1))
    end = asyncio.Event()
    channel = grpc.aio.insecure_channel(f"ipv4:{addresses}", options=options)
    async with channel, asyncio.TaskGroup() as clients:
        for _ in range(AT_ONCE):
            clients.create_task(ask(channel, message, seen, end))
        await asyncio.sleep(SETTLED)
        process = servers[0].process
        if what == TERMINATED:
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.wait)
        else:
            workers_of(process.pid)[0].kill()
        await asyncio.sleep(SETTLED)
        end.set()


def main() -> None:
    """End servers under load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    message = request_of(phones(asked.models, 1))
    seen: dict[str, Counter[str]] = {TERMINATED: Counter(), KILLED: Counter()}
    for what, counted in seen.items():
        flags = ("--grpc-port", "0", "--drain-delay", "0.5")
        if what == KILLED:
            flags = (*flags, "--workers", "2")
        for _ in range(asked.rounds):
            with ExitStack() as stack:
                servers = [stack.enter_context(serving(asked.models, *flags)) for _ in range(2)]
                asyncio.run(under_load(servers, message, what, counted))
    rows = [(what, outcome, f"{count:,}") for what, found in seen.items() for outcome, count in found.items()]
    show(f"{asked.rounds} ends of each kind.", ("end", "outcome", "calls"), rows)
    lost = sum(found.total() - found[ANSWERED] for found in seen.values())
    sys.exit(lost > MOST_LOST * sum(found.total() for found in seen.values()))


if __name__ == "__main__":
    main()
