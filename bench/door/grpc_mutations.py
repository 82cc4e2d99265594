"""Mutated messages over gRPC against a live server: `python -m bench.door.grpc_mutations [--count 5000]`.

Valid messages are changed in a few random ways, or lie about what they hold; some are compressed, some are
far too long, some are sent to other methods than theirs, and to streams. Each must be answered, and by no
error of ours: nothing that a client sends is INTERNAL or UNKNOWN. Exit code 1 where that is not so, or memory
grows.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from random import Random

import grpc
import numpy as np
import psutil

from bench.door.mutate import mutated
from bench.load.live import serving
from bench.load.phones import Rows, phones
from bench.show.tables import show
from service.grpc.proto.open_inference_grpc_pb2 import InferTensorContents, ModelInferRequest

SERVICE = "/inference.GRPCInferenceService/"
METHODS = (
    *(SERVICE + name for name in ("ModelInfer", "ModelMetadata", "ModelReady", "RepositoryIndex")),
    *(SERVICE + name for name in ("ModelStatistics", "RepositoryModelLoad", "Nothing")),
    *("/grpc.health.v1.Health/Check", "/a/b"),
)
STREAM = SERVICE + "ModelStreamInfer"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
NOT_A_CLIENTS = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS)
AT_ONCE = 16
LONG_BYTES = 100 << 20
MEMORY_MB = 64.0
"""MB that the server may have grown by in the second half."""

Input = ModelInferRequest.InferInputTensor


def seeds_of(rows: Rows) -> list[bytes]:
    """Return valid messages of every shape, and some that lie."""
    raw, name = rows.astype("<f4").tobytes(), "phone_price_range"

    def asked(tensor: Input, *contents: bytes, **more: object) -> bytes:
        fields = {"model_name": name, "inputs": [tensor], "raw_input_contents": contents, **more}
        return ModelInferRequest(**fields).SerializeToString()

    def tensor(shape: object = rows.shape, datatype: str = "FP32", **more: object) -> Input:
        return Input(name="features", datatype=datatype, shape=shape, **more)

    outputs = [
        ModelInferRequest.InferRequestedOutputTensor(name=name)
        for name in ("prediction_set", "in_range", "unknown", "price_range")
    ]
    values = rows.ravel().tolist()
    whole = np.round(rows).astype(np.int64).ravel().tolist()
    valid = [
        asked(tensor(), raw),
        asked(tensor(), raw, id="a name", model_version="1"),
        asked(tensor(), raw, outputs=outputs),
        asked(tensor(contents=InferTensorContents(fp32_contents=values))),
        asked(tensor(datatype="FP64", contents=InferTensorContents(fp64_contents=values))),
        asked(tensor(datatype="INT64", contents=InferTensorContents(int64_contents=whole))),
    ]
    lies = [
        asked(tensor(shape), raw)
        for shape in ([-1, 20], [2**62, 20], [0, 20], [2**62, 2**62], [], [1] * 200, [20], [3, 21])
    ]
    lies += [asked(tensor(), raw, raw), asked(tensor(), raw[:-1]), asked(tensor(datatype="BYTES"), raw)]
    many = ModelInferRequest(model_name=name, inputs=[Input()] * 100_000).SerializeToString()
    return [*valid, *lies, many]


async def sent(channel: grpc.aio.Channel, message: bytes, random: Random) -> str:
    """Send a message somewhere, and return the name of the code that it is answered with."""
    zipped = grpc.Compression.Gzip if random.random() < 0.1 else grpc.Compression.NoCompression
    try:
        if random.random() < 0.15:
            # a stream that is refused ends, and to send more on it is an error of the client's library
            path, messages = random.choice([(STREAM, [message] * 3), (REFLECTION, [message])])
            async for _ in channel.stream_stream(path)(iter(messages), timeout=30):
                pass
        else:
            path = METHODS[0] if random.random() < 0.7 else random.choice(METHODS)
            await channel.unary_unary(path)(message, timeout=30, compression=zipped)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return grpc.StatusCode.OK.name


async def flood(address: str, seeds: list[bytes], count: int, random: Random) -> Counter[str]:
    """Send mutations of valid messages, and say how often they were answered with which code."""
    codes: Counter[str] = Counter()
    places = asyncio.Semaphore(AT_ONCE)
    options = (("grpc.max_send_message_length", -1),)

    async def one(channel: grpc.aio.Channel, message: bytes) -> None:
        async with places:
            codes[await sent(channel, message, random)] += 1

    async with grpc.aio.insecure_channel(address, options=options) as channel:
        async with asyncio.TaskGroup() as tasks:
            for number in range(count):
                message = seeds[number % len(seeds)] if random.random() < 0.1 else mutated(seeds, random)
                tasks.create_task(one(channel, message))
        await one(channel, seeds[0])
    return codes


def main() -> None:
    """Flood a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    seeds, random = seeds_of(phones(asked.models, 2)), Random(asked.seed)
    with serving(asked.models, "--grpc-port", "0", "--drain-delay", "0") as server:
        address = f"127.0.0.1:{server.grpc_port}"
        process = psutil.Process(server.process.pid)
        codes = asyncio.run(flood(address, seeds, asked.count // 2, random))
        before = process.memory_info().rss / 1e6
        codes += asyncio.run(flood(address, seeds, asked.count - asked.count // 2, random))
        codes += asyncio.run(flood(address, [bytes(LONG_BYTES)], 3, Random(0)))
        grown = process.memory_info().rss / 1e6 - before
    failed = [line for line in server.log if json.loads(line)["level"] == "error"]
    rows = [(code, f"{count:,}") for code, count in codes.most_common()]
    show(f"{asked.count:,} messages.", ("code", "answers"), rows)
    print(f"\nMemory: {before:.0f} MB after the first half, {grown:+.0f} MB after the second.")
    print(f"Errors in the log: {len(failed)}.")
    wrong = sum(codes[code.name] for code in NOT_A_CLIENTS)
    sys.exit(bool(wrong or failed or grown > MEMORY_MB))


if __name__ == "__main__":
    main()
