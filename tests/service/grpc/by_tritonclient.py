"""What Triton's client makes of a server: each call that it has, its answer as JSON.

A program, since the client's messages and the service's have the same names: a process can load one of them.
"""

import asyncio
import json
import queue
import sys
from typing import Any

import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.utils import InferenceServerException

NAME = "phone_price_range"
DESCRIBES: dict[str, tuple[Any, ...]] = {
    "is_server_live": (),
    "is_server_ready": (),
    "is_model_ready": (NAME, "1"),
    "get_server_metadata": (),
    "get_model_metadata": (NAME,),
    "get_model_config": (NAME,),
    "get_inference_statistics": (NAME,),
    "get_model_repository_index": (),
    "load_model": (NAME,),
}


def features(rows: np.ndarray) -> list[triton.InferInput]:
    tensor = triton.InferInput("features", list(rows.shape), "FP32")
    return [tensor.set_data_from_numpy(rows)]


def told(answer: Any) -> Any:
    return answer if isinstance(answer, bool | dict) or answer is None else str(answer)


def answers_of(result: triton.InferResult) -> dict[str, Any]:
    return {
        "id": result.get_response().id,
        "probabilities": result.as_numpy("probabilities").tobytes().hex(),
        "price_range": result.as_numpy("price_range")[:, 0].tolist(),
    }


def by_threads(address: str, rows: np.ndarray) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with triton.InferenceServerClient(address) as client:
        for call, arguments in DESCRIBES.items():
            as_json = {"as_json": True} if call.startswith("get_") else {}
            found[call] = told(getattr(client, call)(*arguments, **as_json))
        for compression in (None, "gzip"):
            infer = client.infer(NAME, features(rows), request_id="7", compression_algorithm=compression)
            found[f"infer {compression}"] = answers_of(infer)
        waiting: queue.Queue[tuple[triton.InferResult, InferenceServerException]] = queue.Queue()

        def take(result: triton.InferResult, error: InferenceServerException) -> None:
            waiting.put((result, error))

        client.async_infer(NAME, features(rows), take, request_id="8")
        found["async_infer"] = answers_of(waiting.get(timeout=20)[0])
        client.start_stream(take)
        for number in range(20):
            client.async_stream_infer(
                "x" if number == 5 else NAME, features(rows[number:][:1]), request_id=str(number)
            )
        streamed = [waiting.get(timeout=20) for _ in range(20)]
        found["stream"] = [str(error) if error else answers_of(result) for result, error in streamed]
        client.stop_stream()
        for name, arguments in {
            "unknown model": ("x", features(rows)),
            "bad phones": (NAME, features(-rows)),
        }.items():
            try:
                client.infer(*arguments)
            except InferenceServerException as error:
                found[name] = [error.status(), error.message()]
        outputs = [triton.InferRequestedOutput("prediction_set"), triton.InferRequestedOutput("in_range")]
        worth = client.infer(NAME, features(rows), outputs=outputs, parameters={"sets": "0.8"})
        found["prediction_set"] = worth.as_numpy("prediction_set").tolist()
    return found


async def by_asyncio(address: str, rows: np.ndarray) -> dict[str, Any]:
    async def asked() -> Any:
        for number in range(20):
            yield {"model_name": NAME, "inputs": features(rows[number:][:1]), "request_id": str(number)}

    async with triton_aio.InferenceServerClient(address) as client:
        return {
            "is_server_ready": await client.is_server_ready(),
            "infer": answers_of(await client.infer(NAME, features(rows), request_id="7")),
            "stream": [answers_of(result) async for result, _ in client.stream_infer(asked())],
        }


if __name__ == "__main__":
    address, rows_path = sys.argv[1:]
    rows = np.load(rows_path)
    threads = by_threads(address, rows)
    print(json.dumps({"threads": threads, "asyncio": asyncio.run(by_asyncio(address, rows))}))
