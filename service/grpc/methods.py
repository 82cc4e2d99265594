"""The methods of the protocol that describe the server and its model, or load versions of it."""

from collections.abc import Callable, Mapping
from typing import Protocol

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from service.errors import ModelUnloadedError, NotReadyError, UnknownModelError, UnknownVersionError
from service.grpc.calls import Answer
from service.grpc.infer_request import decoded, query_of
from service.grpc.infer_response import InferResponses
from service.grpc.plain_request import PlainRequests
from service.grpc.proto import open_inference_grpc_pb2 as pb
from service.http.request_state import RequestState
from service.open_inference.description import Described
from service.open_inference.inference import SMALL_BYTES
from service.open_inference.protocol import OpenInference
from service.open_inference.query import Query

DOOR = "grpc"
"""What the prediction log calls this door."""


class _OfModel(Protocol):
    """A message that asks about a model, or one of its versions."""

    name: str
    version: str


class Methods:
    """What answers each method, by messages of bytes."""

    def __init__(self, protocol: OpenInference) -> None:
        self._description = protocol.description
        self._repository = protocol.repository
        self._inference = protocol.inference
        self._responses = InferResponses()
        self._plain = PlainRequests(protocol.description.name, protocol.inference)

    def unary(self) -> Mapping[str, Answer]:
        """Return those that answer one message with one, by name."""
        return {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self.infer,
            "ModelConfig": self._model_config,
            "ModelStatistics": self._model_statistics,
            "RepositoryIndex": self._index,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
        }

    async def infer(self, message: bytes, state: RequestState) -> bytes:
        """Answer n phones."""
        inference = self._inference
        query = self._plain.query_of(message)
        if query is not None and len(message) <= SMALL_BYTES:
            return self._responses.of(await inference.answer_query(DOOR, state, query))

        def read() -> Query:
            return query_of(message, self._description.name, inference) if query is None else query.checked()

        return self._responses.of(await inference.answer(DOOR, state, read, len(message)))

    async def _server_live(self, message: bytes, state: RequestState) -> bytes:
        decoded(message, pb.ServerLiveRequest)
        return pb.ServerLiveResponse(live=True).SerializeToString()

    async def _server_ready(self, message: bytes, state: RequestState) -> bytes:
        decoded(message, pb.ServerReadyRequest)
        ready = _holds(self._description.require_ready)
        return pb.ServerReadyResponse(ready=ready).SerializeToString()

    async def _model_ready(self, message: bytes, state: RequestState) -> bytes:
        asked = decoded(message, pb.ModelReadyRequest)
        ready = _holds(self._description.require_version_ready, asked.name, asked.version or None)
        return pb.ModelReadyResponse(ready=ready).SerializeToString()

    async def _server_metadata(self, message: bytes, state: RequestState) -> bytes:
        decoded(message, pb.ServerMetadataRequest)
        return _written(self._description.server(), pb.ServerMetadataResponse())

    async def _model_metadata(self, message: bytes, state: RequestState) -> bytes:
        version = self._version(decoded(message, pb.ModelMetadataRequest))
        return _written(self._description.metadata(version), pb.ModelMetadataResponse())

    async def _model_config(self, message: bytes, state: RequestState) -> bytes:
        version = self._version(decoded(message, pb.ModelConfigRequest))
        return _written({"config": self._description.config(version)}, pb.ModelConfigResponse())

    async def _model_statistics(self, message: bytes, state: RequestState) -> bytes:
        asked = decoded(message, pb.ModelStatisticsRequest)
        if asked.name:
            found = self._description.statistics(self._version(asked))
        else:
            found = self._description.all_statistics()
        return _written(found, pb.ModelStatisticsResponse())

    async def _index(self, message: bytes, state: RequestState) -> bytes:
        asked = decoded(message, pb.RepositoryIndexRequest)
        entries = await self._repository.index(only_ready=asked.ready)
        return _written({"models": entries}, pb.RepositoryIndexResponse())

    async def _load(self, message: bytes, state: RequestState) -> bytes:
        asked = decoded(message, pb.RepositoryModelLoadRequest)
        await self._repository.load(asked.model_name, asked.parameters)
        return b""

    async def _unload(self, message: bytes, state: RequestState) -> bytes:
        asked = decoded(message, pb.RepositoryModelUnloadRequest)
        await self._repository.unload(asked.model_name)
        return b""

    def _version(self, asked: _OfModel) -> str | None:
        """Return the version that is asked for, None for the stable one. Raises `UnknownModelError`."""
        self._description.require_model(asked.name)
        return asked.version or None


def _holds(require: Callable[..., None], *arguments: str | None) -> bool:
    """Return whether nothing is raised that says that something is not ready, or not there."""
    try:
        require(*arguments)
    except (NotReadyError, ModelUnloadedError, UnknownModelError, UnknownVersionError):
        return False
    return True


def _written(described: Described, message: Message) -> bytes:
    return ParseDict(described, message).SerializeToString()
