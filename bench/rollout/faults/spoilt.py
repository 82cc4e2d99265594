"""What can be wrong with the files of a version."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pricerange.approval import Approval
from pricerange.bundle import MODEL_FILE, PASSPORT_FILE

Spoil = Callable[[Path], None]
"""Does something to the folder of a version."""


def _cut_short(name: str) -> Spoil:
    def cut(version: Path) -> None:
        path = version / name
        os.truncate(path, path.stat().st_size // 2)

    return cut


def _flip(version: Path) -> None:
    content = bytearray((version / MODEL_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (version / MODEL_FILE).write_bytes(content)


def _no_graph(version: Path) -> None:
    content = b"no graph" * 1_000
    (version / MODEL_FILE).write_bytes(content)
    _rewrite(version, model_sha256=hashlib.sha256(content).hexdigest(), model_bytes=len(content))


def _other_answers(version: Path) -> None:
    rows = json.loads((version / PASSPORT_FILE).read_bytes())["golden_rows"]
    for row in rows:
        row["probabilities"] = row["probabilities"][::-1]
    _rewrite(version, golden_rows=rows)


def _pipe(version: Path) -> None:
    (version / MODEL_FILE).unlink()
    os.mkfifo(version / MODEL_FILE)


def _rewrite(version: Path, **changed: object) -> None:
    path = version / PASSPORT_FILE
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changed))


SPOILT: Mapping[str, Spoil] = {
    "model.onnx cut short": _cut_short(MODEL_FILE),
    "a bit of model.onnx flipped": _flip,
    "model.onnx is no graph": _no_graph,
    "model.onnx is a pipe": _pipe,
    "bundle.json cut short": _cut_short(PASSPORT_FILE),
    "no bundle.json": lambda version: (version / PASSPORT_FILE).unlink(),
    "golden rows have other answers": _other_answers,
    "rejected by a person": lambda version: Approval.now("rejected", "to be passed over").write(version),
}
