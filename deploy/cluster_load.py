"""Steady load from inside a cluster, as a program for one pod: a line of JSON a second says what came of it.

    python -c "$(cat cluster_load.py)" ADDRESS PORT GRPC_PORT BODY SECONDS

Over HTTP half of the clients keep their connections, as proxies do; the other half opens one for each
request. A request is lost where no answer with status 200 came; nothing is tried again. Over gRPC clients
repeat what is unavailable, as its retry policy says, and a call is lost where that does not help.
"""

import http.client
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

import grpc
import numpy as np

from pricerange.bundle import MODEL_NAME
from pricerange.phone import FEATURE_NAMES
from service.grpc.proto.open_inference_grpc_pb2 import ModelInferRequest, ModelInferResponse

CLIENTS, GRPC_CLIENTS = 4, 2
PAUSE = 0.02
"""Seconds between two requests of a client: some 200 requests a second in all."""
TIMEOUT = 10
RETRY = {
    "maxAttempts": 5,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
POLICY = json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": RETRY}]})

address, port, grpc_port, body = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
end = time.monotonic() + float(sys.argv[5])
counts: Counter[str] = Counter()
lost: list[str] = []
lock = threading.Lock()


def ask(connection: http.client.HTTPConnection) -> str:
    """Return the version that answered; raise where none did."""
    connection.request("POST", "/predict", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise http.client.HTTPException(f"status {answer.status}")
    return str(json.loads(text)["model"]["version"])


def client(keeps: bool) -> None:
    """Ask over HTTP until the end."""
    connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT)

    def once() -> str:
        try:
            return f"version {ask(connection)}"
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise LookupError(
                f"{type(error).__name__} {error}, connection {'kept' if keeps else 'new'}"
            ) from error
        finally:
            if not keeps:
                connection.close()

    keep_asking(once)


def grpc_client() -> None:
    """Ask over gRPC until the end."""
    phone = json.loads(body)
    row = np.array([[phone[name] for name in FEATURE_NAMES]], np.float32)
    tensor = ModelInferRequest.InferInputTensor(name="features", datatype="FP32", shape=row.shape)
    message = ModelInferRequest(model_name=MODEL_NAME, inputs=[tensor], raw_input_contents=[row.tobytes()])
    content = message.SerializeToString()
    options = (("grpc.service_config", POLICY), ("grpc.use_local_subchannel_pool", 1))
    with grpc.insecure_channel(f"{address}:{grpc_port}", options=options) as channel:
        infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")

        def once() -> str:
            try:
                answer = infer(content, timeout=TIMEOUT)
            except grpc.RpcError as error:
                raise LookupError(f"gRPC {error.code().name} {error.details()}") from error
            return f"gRPC version {ModelInferResponse.FromString(answer).model_version}"

        keep_asking(once)


def keep_asking(once: Callable[[], str]) -> None:
    """Count what comes of one request after the other; `once` raises `LookupError` where one is lost."""
    while time.monotonic() < end:
        try:
            outcome = once()
        except LookupError as error:
            outcome = "lost"
            with lock:
                lost.append(str(error))
        with lock:
            counts[outcome] += 1
        time.sleep(PAUSE)


for number in range(CLIENTS):
    threading.Thread(target=client, args=(number % 2 == 0,), daemon=True).start()
for _ in range(GRPC_CLIENTS):
    threading.Thread(target=grpc_client, daemon=True).start()
while time.monotonic() < end:
    time.sleep(1)
    with lock:
        print(json.dumps({"counts": counts, "lost": lost[-5:]}), flush=True)
