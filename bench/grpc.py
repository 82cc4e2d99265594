"""The speed of the service over gRPC, beside the limit of gRPC's library and beside HTTP.

`python -m bench.grpc [--rounds 3] [--seconds 2]`. The limit is grpc.aio that answers constant bytes, on the
same core; what is compared is measured by turns. Load comes from another core, by frames that are written as
bytes. Exit code 1 where an answer is wrong or a call fails; a figure below its target does not.
"""

import argparse
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import grpc
import numpy as np
import psutil

from bench.load.cores import on_core
from bench.load.formats import BATCHES, SINGLE
from bench.load.frames import Seen
from bench.load.phones import Oracle, Rows, phones
from bench.load.pinned import LOAD_CORE, SERVER_CORE
from bench.load.wrk import Wrk, require_wrk
from bench.show.tables import Target, show, show_targets
from service.grpc.proto.open_inference_grpc_pb2 import ModelInferRequest, ModelInferResponse

INFER = "/inference.GRPCInferenceService/ModelInfer"
IN_FLIGHT = (1, 32, 128)
ROWS, ROWS_IN_FLIGHT = 1_000, 8
V2_BINARY = next(form for form in BATCHES if form.name == "V2 binary")
OF_THE_LIMIT, OF_HTTP = 0.75, 0.9


@dataclass(frozen=True)
class Process:
    """A server on its core: its process, the ports that it listens on for HTTP and for gRPC."""

    process: psutil.Process
    http: int
    grpc: int

    def cpu(self) -> float:
        """Return the seconds of processor time that it has taken."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def serving(*command: str | Path) -> Iterator[Process]:
    """Start a server, and read the ports from what it says first."""
    with on_core(SERVER_CORE):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        ports = [int(port) for port in re.findall(r"(?:^|127.0.0.1:|gRPC on port )(\d+)", first)]
        with on_core(LOAD_CORE):  # or what it logs would fill the pipe
            reader = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
        yield Process(psutil.Process(process.pid), ports[0], ports[-1])
    finally:
        process.terminate()
        process.wait(timeout=30)
        reader.wait(timeout=30)


def request_of(rows: Rows) -> bytes:
    """Ask about phones."""
    tensor = ModelInferRequest.InferInputTensor(name="features", datatype="FP32", shape=rows.shape)
    request = ModelInferRequest(model_name="phone_price_range", inputs=[tensor])
    request.raw_input_contents.append(rows.tobytes())
    return request.SerializeToString()


def checked(server: Process, rows: Rows, oracle: Oracle) -> bytes:
    """Return the answer to these phones; ends the program where ONNX Runtime has another."""
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
        content: bytes = channel.unary_unary(INFER)(request_of(rows), wait_for_ready=True)
    answer, expected = ModelInferResponse.FromString(content), oracle.answer(rows)
    raw = [expected.probabilities.tobytes(), expected.price_range.astype(np.int64).tobytes()]
    if list(answer.raw_output_contents) != raw:
        sys.exit("not the answers of ONNX Runtime")
    return content


def load(server: Process, message: bytes, in_flight: int, seconds: float) -> tuple[Seen, float]:
    """Return what a run saw, and the microseconds of the server's processor for each call."""
    command = [
        sys.executable,
        "-m",
        "bench.load.frames",
        str(server.grpc),
        INFER,
        str(in_flight),
        str(seconds),
    ]
    before = server.cpu()
    with on_core(LOAD_CORE):
        ended = subprocess.run(command, input=message, stdout=subprocess.PIPE, check=True)
    seen = Seen(**json.loads(ended.stdout))
    if seen.failed:
        sys.exit(f"{seen.failed} calls failed")
    return seen, 1e6 * (server.cpu() - before) / seen.calls


def beside_the_limit(
    service: Process, echo: Process, message: bytes, plan: argparse.Namespace
) -> list[Target]:
    """Print one phone a call, beside constant bytes."""
    found = defaultdict[tuple[int, str], list[tuple[Seen, float]]](list)
    for _ in range(plan.rounds):
        for in_flight in IN_FLIGHT:
            for name, server in (("constant bytes", echo), ("service", service)):
                found[in_flight, name].append(load(server, message, in_flight, plan.seconds))
    table, targets = [], []
    for in_flight in IN_FLIGHT:
        speed = {}
        for name in ("constant bytes", "service"):
            runs = found[in_flight, name]
            speed[name] = median(seen.calls / seen.seconds for seen, _ in runs)
            p50, p99 = (median(getattr(seen, share) for seen, _ in runs) for share in ("p50", "p99"))
            cpu = median(cpu for _, cpu in runs)
            table.append(
                (f"{in_flight}, {name}", f"{speed[name]:,.0f}", f"{p50:.2f}", f"{p99:.2f}", f"{cpu:.0f}")
            )
        pairs = zip(found[in_flight, "service"], found[in_flight, "constant bytes"], strict=True)
        ratio = median(ours.calls / ours.seconds * its.seconds / its.calls for (ours, _), (its, _) in pairs)
        targets.append(Target(f"of the limit, {in_flight} in flight", ratio, least=OF_THE_LIMIT))
    show("One phone a call.", ("in flight", "calls/s", "p50 ms", "p99 ms", "µs CPU"), table)
    return targets


def beside_v2(service: Process, rows: Rows, plan: argparse.Namespace) -> list[Target]:
    """Print calls about many phones, beside the same in V2's binary form."""
    over_http, message = V2_BINARY.request(rows), request_of(rows)
    ours, others = [], []
    for _ in range(plan.rounds):
        wrk = Wrk(f"http://127.0.0.1:{service.http}", over_http, ROWS_IN_FLIGHT, plan.seconds, LOAD_CORE)
        others.append(wrk.load().per_second * len(rows))
        seen, _ = load(service, message, ROWS_IN_FLIGHT, plan.seconds)
        ours.append(seen.calls / seen.seconds * len(rows))
    table = [("V2 binary over HTTP", f"{median(others):,.0f}"), ("gRPC", f"{median(ours):,.0f}")]
    show(f"{len(rows):,} phones a call, {ROWS_IN_FLIGHT} in flight.", ("door", "phones/s"), table)
    ratio = median(one / other for one, other in zip(ours, others, strict=True))
    return [Target(f"of V2 binary, {len(rows):,} phones a call", ratio, least=OF_HTTP)]


def beside_one_door(service: Process, alone: Process, rows: Rows, plan: argparse.Namespace) -> None:
    """Print HTTP's own figures with the port open and without it."""
    found = defaultdict[str, list[float]](list)
    for _ in range(plan.rounds):
        for name, server in (("HTTP alone", alone), ("with gRPC's port open", service)):
            wrk = Wrk(f"http://127.0.0.1:{server.http}", SINGLE.request(rows), 32, plan.seconds, LOAD_CORE)
            found[name].append(wrk.load().per_second)
    table = [(name, f"{median(runs):,.0f}") for name, runs in found.items()]
    show("One phone a request, POST /predict over 32 connections.", ("service", "requests/s"), table)


def main() -> None:
    """Print the tables, and the figures beside their targets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2, help="of each run")
    plan = parser.parse_args()
    require_wrk()
    one, many = phones(plan.models, 1), phones(plan.models, ROWS)
    command = (Path(sys.executable).with_name("pricerange"), "serve", "--port", "0", "--models", plan.models)
    with serving(*command, "--grpc-port", "0") as service, serving(*command) as alone:
        answer = checked(service, one, Oracle(plan.models))
        checked(service, many, Oracle(plan.models))
        with serving(sys.executable, "-m", "bench.load.echo", answer.hex()) as echo:
            targets = beside_the_limit(service, echo, request_of(one), plan)
        targets += beside_v2(service, many, plan)
        beside_one_door(service, alone, one, plan)
    show_targets(targets)


if __name__ == "__main__":
    main()
