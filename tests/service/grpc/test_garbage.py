"""Messages that are none: each is answered, by no error of ours, and the server goes on."""

import asyncio
from random import Random

import numpy as np
import psutil
from live_server import Server

from bench.door.grpc_mutations import MEMORY_MB, NOT_A_CLIENTS, flood, seeds_of


def test_nothing_that_a_client_sends_is_an_error_of_ours(grpc_server: Server, rows: np.ndarray) -> None:
    seeds = seeds_of(rows[:2])
    asyncio.run(flood(grpc_server.grpc_address, seeds, 200, Random(2)))
    process = psutil.Process(grpc_server.process.pid)
    before = process.memory_info().rss
    codes = asyncio.run(flood(grpc_server.grpc_address, seeds, 200, Random(2)))
    assert not any(codes[code.name] for code in NOT_A_CLIENTS)
    assert codes["OK"] > 10
    assert codes["INVALID_ARGUMENT"] > 50
    assert process.memory_info().rss - before < MEMORY_MB * 1e6
    assert not grpc_server.log(level="error")
