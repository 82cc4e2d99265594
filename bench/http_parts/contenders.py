"""What the service is measured beside: `python -m bench.http_parts.contenders bare|plain`.

`bare` is the limit of the stack: an ASGI application that answers a constant and does not read the body.
`plain` is the service as a tutorial writes it. Both run on uvloop and httptools without an access log.
"""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
import orjson
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.load.phones import Oracle, phones
from pricerange import bundle
from pricerange.bundle import MODEL_FILE
from pricerange.phone import LABELS


def bare(models: Path) -> ASGIApp:
    """Answer every request as the service answers `phones(models, 1)`: the same body, the same headers."""
    prediction = Oracle(models).answer(phones(models, 1))
    price_range = int(prediction.price_range[0])
    answer = {
        "price_range": price_range,
        "label": LABELS[price_range],
        "probabilities": prediction.probabilities[0],
        "model": {"name": bundle.MODEL_NAME, "version": bundle.find(models).name},
    }
    body = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    headers = [
        (b"content-length", str(len(body)).encode()),
        (b"content-type", b"application/json"),
        (b"x-request-id", b"0" * 32),
    ]

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


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
    session = onnxruntime.InferenceSession(bundle.find(models) / MODEL_FILE)
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
    """Serve one of the two until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=("bare", "plain"))
    parser.add_argument("--models", type=Path, default=Path("models"))
    arguments = parser.parse_args()
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
    )


if __name__ == "__main__":
    main()
