"""What the service is measured beside: `python -m bench.http_parts.contenders loop|bare|plain`.

`loop` is the limit of the stack: uvloop and httptools, which answer a constant. `bare` is uvicorn on them
with an ASGI application that answers the same constant and does not read the body. `plain` is the service as
a tutorial writes it, the model held to one thread. None writes an access log.
"""

import argparse
import asyncio
from email.utils import formatdate
from pathlib import Path
from typing import cast

import httptools
import numpy as np
import onnxruntime
import orjson
import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.load.phones import Oracle, phones
from pricerange import bundle
from pricerange.bundle import MODEL_FILE
from pricerange.phone import LABELS

Headers = list[tuple[bytes, bytes]]


def constant(models: Path) -> tuple[Headers, bytes]:
    """Return the answer of the service to `phones(models, 1)`: the same body, headers of the same length."""
    prediction = Oracle(models).answer(phones(models, 1))
    price_range = int(prediction.price_range[0])
    answer = {
        "price_range": price_range,
        "label": LABELS[price_range],
        "probabilities": prediction.probabilities[0],
        "applicability": {"in_range": True},
        "model": {"name": bundle.MODEL_NAME, "version": bundle.find(models).name},
    }
    body = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    headers = [
        (b"content-length", str(len(body)).encode()),
        (b"content-type", b"application/json"),
        (b"x-request-id", b"0" * 32),
    ]
    return headers, body


def bare(models: Path) -> ASGIApp:
    """Answer every request with the constant."""
    headers, body = constant(models)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


class Loop(asyncio.Protocol):
    """Parses requests and answers each with a constant."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of where answers go."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Answer."""
        self._transport.write(self._answer)


async def loop(models: Path) -> None:
    """Serve the constant from the event loop itself."""
    headers, body = constant(models)
    fields = [b"%b: %b\r\n" % header for header in ((b"date", formatdate(usegmt=True).encode()), *headers)]
    answer = b"".join((b"HTTP/1.1 200 OK\r\n", *fields, b"\r\n", body))
    server = await asyncio.get_running_loop().create_server(lambda: Loop(answer), "127.0.0.1", 0)
    await server.serve_forever()


class Phone(BaseModel):
    """A phone, as a tutorial types it."""

    battery_power: int
    blue: int
    clock_speed: float
    dual_sim: int
    fc: float
    four_g: int
    int_memory: int
    m_dep: float
    mobile_wt: float
    n_cores: int
    pc: float
    px_height: int
    px_width: int
    ram: int
    sc_h: float
    sc_w: float
    talk_time: float
    three_g: int
    touch_screen: int
    wifi: int


class Answer(BaseModel):
    """Its price range."""

    price_range: int
    label: str
    probabilities: list[float]


def plain(models: Path) -> FastAPI:
    """FastAPI with a body parameter, a response model, and the model in between."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(bundle.find(models) / MODEL_FILE, options)
    app = FastAPI()

    def ask(phones: list[Phone]) -> list[Answer]:
        rows = np.array([list(phone.model_dump().values()) for phone in phones], np.float32)
        probabilities, price_range = session.run(["probabilities", "price_range"], {"features": rows})
        return [
            Answer(price_range=int(k), label=LABELS[k], probabilities=row.tolist())
            for k, row in zip(price_range, probabilities, strict=True)
        ]

    @app.post("/predict")
    async def predict(phone: Phone) -> Answer:
        return ask([phone])[0]

    @app.post("/predict/batch")
    async def predict_batch(phones: list[Phone]) -> list[Answer]:
        return ask(phones)

    return app


def main() -> None:
    """Serve one of them until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=("loop", "bare", "plain"))
    parser.add_argument("--models", type=Path, default=Path("models"))
    arguments = parser.parse_args()
    if arguments.which == "loop":
        uvloop.run(loop(arguments.models))
    application = bare(arguments.models) if arguments.which == "bare" else plain(arguments.models)
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=0,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # as the service has it
    )


if __name__ == "__main__":
    main()
