"""Run a model version: an ONNX Runtime session on the CPU or CUDA execution provider."""

import ctypes
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import onnxruntime

from pricerange.bundle import METADATA_PREFIX, Bundle
from pricerange.errors import (
    FeatureOrderError,
    GoldenRowError,
    ModelSignatureError,
    ProviderUnavailableError,
    UnloadableModelError,
)
from pricerange.phone import FEATURE_NAMES, LABELS
from pricerange.signature.trust import Signer, Trust, read

Provider = Literal["cpu", "cuda", "auto"]

BLOCK_ROWS = 1_024
"""Rows a run on the CPU: weights and activations of a block stay in the core's cache, and runs are few."""
GOLDEN_TOLERANCE = 1e-5
"""Largest difference of a probability between machines and execution providers."""

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_SIGNATURE = f"features float [batch, {len(FEATURE_NAMES)}] -> probabilities float [batch, {len(LABELS)}], "
_SIGNATURE += "price_range int64 [batch]"

_EXTERNAL_DATA = b"\n\x08location\x12"
"""How ONNX writes the key of an external file's name (`TensorProto.external_data`)."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prediction:
    """Answers to n phones: `probabilities` float32 [n, 4] and `price_range` int64 [n]."""

    probabilities: npt.NDArray[np.float32]
    price_range: npt.NDArray[np.int64]


class Predictor:
    """A verified model version, ready to answer.

    A row's answer is the same to the last bit whatever rows it is asked beside: a run uses one thread, and
    more cores are used by calling `predict` from more threads, which is safe.
    """

    def __init__(self, version: Bundle, provider: Provider = "cpu", signer: Signer | None = None) -> None:
        """Open a session and verify it: the graph's signature, its feature order, its golden rows.

        `signer` has signed the version, and somebody has verified that.

        Raises `ProviderUnavailableError`, `UnloadableModelError`, `ModelSignatureError`,
        `FeatureOrderError` or `GoldenRowError`.
        """
        self.bundle = version
        self.requested_provider: Provider = provider
        self.signer = signer
        self._session = _open(version, provider)
        self._block = BLOCK_ROWS if self.provider == "cpu" else 65_536
        _verify_graph(self._session, version.model_path)
        _replay_golden_rows(self)

    @classmethod
    def load(
        cls,
        models: Path,
        version: int | None = None,
        provider: Provider = "cpu",
        trust: Trust | None = None,
    ) -> Self:
        """Load a version of a model repository, the one that `bundle.find` takes where none is named.

        With `trust`, only one that a trusted key has signed. Raises what `signature.trust.read` and the
        constructor raise.
        """
        found, signer = read(models, version, trust)
        return cls(found, provider, signer)

    @property
    def provider(self) -> Literal["cpu", "cuda"]:
        """The execution provider in use."""
        return "cuda" if self._session.get_providers()[0] == _CUDA else "cpu"

    def predict(self, rows: npt.NDArray[np.float32]) -> Prediction:
        """Answer n phones, given as float32 [n, 20] in the table's order and already checked."""
        if 0 < len(rows) <= self._block:
            return Prediction(*self._run(rows))
        probabilities = np.empty((len(rows), len(LABELS)), np.float32)
        price_range = np.empty(len(rows), np.int64)
        for start in range(0, len(rows), self._block):
            block = slice(start, start + self._block)
            probabilities[block], price_range[block] = self._run(rows[block])
        return Prediction(probabilities, price_range)

    def _run(self, rows: npt.NDArray[np.float32]) -> Any:
        return self._session.run(["probabilities", "price_range"], {"features": rows})


def _open(version: Bundle, provider: Provider) -> onnxruntime.InferenceSession:
    missing = None if provider == "cpu" else _missing_for_cuda()
    if missing and provider == "cuda":
        raise ProviderUnavailableError("cuda", missing)
    session = _session(version, [_CPU] if provider == "cpu" or missing else [_CUDA, _CPU])
    if provider == "cpu" or session.get_providers()[0] == _CUDA:
        return session
    missing = missing or "ONNX Runtime could not start it; see its own messages above"
    if provider == "cuda":
        raise ProviderUnavailableError("cuda", missing)
    log.warning("CUDA is not available, running the model on the CPU: %s", missing)
    return session


def _session(version: Bundle, providers: list[str]) -> onnxruntime.InferenceSession:
    if _EXTERNAL_DATA in version.model:
        # they would be looked for in the working directory, and the checksum does not cover them
        raise UnloadableModelError(version.model_path, "its weights lie in another file (external data)")
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # what fails raises: a coloured line of text for each run would only flood the log beside it
    options.log_severity_level = 4
    # TF32 would cost three decimal digits
    settings: list[dict[str, str]] = [{"use_tf32": "0"} if name == _CUDA else {} for name in providers]
    try:
        return onnxruntime.InferenceSession(version.model, options, providers, settings)
    except Exception as error:  # ONNX Runtime raises a dozen classes without a base of their own
        raise UnloadableModelError(version.model_path, str(error)) from error


def _missing_for_cuda() -> str | None:
    """Name the first thing that CUDA needs and this machine lacks."""
    if _CUDA not in onnxruntime.get_available_providers():
        return "this onnxruntime was built without CUDA; replace it with onnxruntime-gpu (extra `gpu`)"
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "libcuda.so.1, the NVIDIA driver, was not found: this machine or container has no GPU"
    onnxruntime.preload_dlls()
    return None


def _verify_graph(session: onnxruntime.InferenceSession, path: Path) -> None:
    tensors = [
        [_describe(tensor) for tensor in side] for side in (session.get_inputs(), session.get_outputs())
    ]
    found = " -> ".join(", ".join(side) for side in tensors)
    if found != _SIGNATURE:
        raise ModelSignatureError(path, _SIGNATURE, found)
    metadata = session.get_modelmeta().custom_metadata_map
    features = metadata.get(METADATA_PREFIX + "features", "").split(",")
    if tuple(features) != FEATURE_NAMES:
        raise FeatureOrderError(path, FEATURE_NAMES, features)


def _describe(tensor: Any) -> str:
    shape = ", ".join("batch" if isinstance(size, str) else str(size) for size in tensor.shape)
    return f"{tensor.name} {tensor.type.removeprefix('tensor(').removesuffix(')')} [{shape}]"


def _replay_golden_rows(predictor: Predictor) -> None:
    golden = predictor.bundle.passport.golden_rows
    expected = np.array([row.probabilities for row in golden], np.float32)
    found = predictor.predict(np.array([row.features for row in golden], np.float32)).probabilities
    # not `>`: NaN must count as wrong
    wrong = ~(np.abs(found - expected) <= GOLDEN_TOLERANCE).all(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise GoldenRowError(predictor.bundle.model_path, row, expected[row].tolist(), found[row].tolist())
