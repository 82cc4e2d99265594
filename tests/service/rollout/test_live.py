"""A real server that follows its file: nobody is lost, and everyone is answered by one version."""

import csv
import io
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import grpc
import httpx
import numpy as np
import psutil
import pytest
from grpc_messages import infer, infer_request, tensors_of
from phone_tables import ARROW, CSV, NDJSON, WRITE
from pyarrow import ipc
from rollout_server import Rolling
from waiting import wait_until

from bench.load.broken_versions import add_copy, add_truncated
from pricerange.bundle import MODEL_FILE, PASSPORT_FILE
from pricerange.phone import FEATURE_NAMES
from pricerange.rollout.split import in_share, text_in_share

Phones = list[dict[str, float]]
MODEL = "phone_price_range"
CANARY = "stable = 1\n[canary]\nversion = 2\nweight = 30\n"
STICKY = CANARY + 'sticky = "X-Customer"\n'


def of_columns(rows: Iterable[Mapping[str, Any]]) -> list[list[float]]:
    return [[float(row[f"probability_{place}"]) for place in range(4)] for row in rows]


READ: dict[str, Callable[[bytes], list[list[float]]]] = {
    CSV: lambda content: of_columns(csv.DictReader(io.StringIO(content.decode()))),
    NDJSON: lambda content: [json.loads(line)["probabilities"] for line in content.splitlines()],
    ARROW: lambda content: of_columns(ipc.open_stream(content).read_all().to_pylist()),
}
"""Probabilities in the answers of each form."""


def answered_by(answer: dict[str, Any], phone: int, right: dict[str, np.ndarray]) -> str:
    """The version that an answer names, whose very numbers it holds."""
    version: str = answer["model"]["version"]
    assert np.array_equal(np.array(answer["probabilities"], np.float32), right[version][phone])
    return version


def test_clients_lose_nothing_while_versions_change(
    rolling: Rolling, phones: Phones, right: dict[str, np.ndarray]
) -> None:
    changes_under_clients(rolling, phones, right)


def test_clients_of_one_worker_lose_nothing_either(
    alone: Rolling, phones: Phones, right: dict[str, np.ndarray]
) -> None:
    alone.start(workers=1)
    changes_under_clients(alone, phones, right)


def changes_under_clients(rolling: Rolling, phones: Phones, right: dict[str, np.ndarray]) -> None:
    ended, seen = threading.Event(), [set[str]() for _ in range(4)]
    failures: list[BaseException] = []

    def ask(number: int) -> None:
        try:
            with rolling.client() as client:
                phone = number
                while not ended.is_set():
                    phone = (phone + 1) % len(phones)
                    answer = client.post("/predict", json=phones[phone]).raise_for_status().json()
                    seen[number].add(answered_by(answer, phone, right))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(seen))]
    for thread in threads:
        thread.start()
    for version in (2, 1, 2, 1, 2):
        if version == 1:
            rolling.want("stable = 1\n")
            rolling.wait_for("1", seconds=5)
        else:
            told = rolling.follow(f"stable = {version}\n")
            assert told["stable"] == str(version)
            assert all(worker["current"] for worker in told["workers"])
        # from now on nobody gets the other one
        for phone in range(8):
            answer = rolling.post("/predict", json=phones[phone]).json()
            assert answered_by(answer, phone, right) == str(version)
    ended.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert seen == [{"1", "2"}] * len(seen)


def test_a_phone_has_the_same_version_from_every_worker_and_after_any_end(
    alone: Rolling, phones: Phones, right: dict[str, np.ndarray]
) -> None:
    rows = np.array([[phone[name] for name in FEATURE_NAMES] for phone in phones], np.float32)
    expected = ["2" if canary else "1" for canary in in_share(rows, 2, 0.3)]
    assert 30 < expected.count("2") < 90
    alone.want(CANARY)
    alone.start()

    def versions() -> list[str]:
        with alone.client() as one, alone.client() as another:
            found = []
            for place, phone in enumerate(phones):
                client = (one, another)[place % 2]
                answer = client.post("/predict", json=phone).raise_for_status().json()
                found.append(answered_by(answer, place, right))
            return found

    assert versions() == expected
    alone.kill_a_worker()
    assert versions() == expected
    assert alone.server.end() == 0
    alone.start()
    assert versions() == expected
    assert alone.follow(CANARY.replace("30", "100"))["canary"]["weight"] == 100
    assert set(versions()) == {"2"}
    workers = alone.workers()
    alone.server.process.kill()
    assert not psutil.wait_procs(workers, timeout=10)[1]


def test_all_of_a_request_is_answered_by_the_version_of_its_customer(
    rolling: Rolling, phones: Phones, right: dict[str, np.ndarray]
) -> None:
    rolling.follow(STICKY)
    customers = {
        version: next(
            name for name in map(str, range(100)) if text_in_share(name.encode(), 2, 0.3) == (version == "2")
        )
        for version in ("1", "2")
    }
    some = phones[:20]
    data = [[phone[name] for name in FEATURE_NAMES] for phone in some]
    tensor = {"inputs": [{"name": "features", "datatype": "FP32", "shape": [20, 20], "data": data}]}
    for version, customer in customers.items():
        headers = {"X-Customer": customer}
        with httpx.Client(base_url=rolling.server.url, headers=headers) as client:
            for place in range(20):
                answer = client.post("/predict", json=phones[place]).json()
                assert answered_by(answer, place, right) == version
            told = client.post("/predict/batch", json={"phones": some}).json()
            assert told["model"]["version"] == version
            found = [answer["probabilities"] for answer in told["predictions"]]
            assert np.array_equal(np.array(found, np.float32), right[version][:20])
            for form, read in READ.items():
                headers = {"Content-Type": form}
                stream = client.post("/predict/batch", content=WRITE[form](some), headers=headers)
                found = read(stream.raise_for_status().content)
                assert np.array_equal(np.array(found, np.float32), right[version][:20])
            infer = client.post(f"/v2/models/{MODEL}/infer", json=tensor).raise_for_status().json()
            assert infer["model_version"] == version
            for path in ("what-if", "curve"):
                asked = {"price_range": 3} if path == "what-if" else {"feature": "ram"}
                told = client.post(f"/predict/{path}", json={"phone": some[0], **asked}).json()
                assert told["model"]["version"] == version
            assert client.post("/predict/explain", json=some[0]).json()["model"]["version"] == version
            for named in ("1", "2"):
                by_name = client.post(f"/v2/models/{MODEL}/versions/{named}/infer", json=tensor).json()
                assert by_name["model_version"] == named
            unknown = client.post(f"/v2/models/{MODEL}/versions/3/infer", json=tensor)
            assert unknown.status_code == 404
    versions = rolling.state()["versions"]
    assert versions["2"]["rows"] > 0
    assert versions["2"]["compared_with_stable"] is not None


def test_a_call_over_grpc_is_answered_by_the_same_version(
    rolling: Rolling, phones: Phones, right: dict[str, np.ndarray]
) -> None:
    address = rolling.server.grpc_address
    rows = np.array([[phone[name] for name in FEATURE_NAMES] for phone in phones], np.float32)

    def answered(phone: int, **how: Any) -> str:
        answer = infer(address, infer_request(rows[phone : phone + 1], **how.pop("fields", {})), **how)
        assert tensors_of(answer)["probabilities"].tobytes() == right[answer.model_version][phone].tobytes()
        return answer.model_version

    rolling.follow(STICKY)
    for customer in map(str, range(10)):
        expected = "2" if text_in_share(customer.encode(), 2, 0.3) else "1"
        assert answered(0, metadata=(("x-customer", customer),)) == expected
    for version in ("1", "2"):
        assert answered(0, fields={"model_version": version}) == version
    rolling.follow(CANARY)
    for phone in range(10):
        over_http = rolling.post("/predict", json=phones[phone]).json()["model"]["version"]
        assert answered(phone) == over_http
    rolling.follow("stable = 2\n")
    assert answered(0) == "2"
    with pytest.raises(grpc.aio.AioRpcError, match="the version '1' is not served here, only 2") as refused:
        answered(0, fields={"model_version": "1"})
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_what_is_broken_changes_nothing_and_is_told_of(rolling: Rolling, phones: Phones) -> None:
    truncated = add_truncated(rolling.models, 1).name
    generation = rolling.state()["generation"]
    for content, status, reason in (
        (f"stable = {truncated}\n", 409, "is truncated"),
        ("stable = 99\n", 409, "expected a folder that contains bundle.json"),
        ("stable = 1\n[canary]\nversion", 409, "rollout.toml"),
        (f"stable = 1\n[canary]\nversion = {truncated}\nweight = 50\n", 409, "is truncated"),
    ):
        rolling.want(content)
        refused = rolling.post("/rollout/reload")
        assert (refused.status_code, reason in refused.json()["detail"]) == (status, True), refused.text
        state = rolling.state()
        assert (state["stable"], state["generation"], state["valid"]) == ("1", generation, False)
        assert reason in state["problem"]
        assert rolling.post("/predict", json=phones[0]).json()["model"]["version"] == "1"
    index = rolling.index()
    assert index["1"] == ("READY", "")
    assert index["2"][0] == "UNAVAILABLE"
    assert "is truncated" in index[truncated][1]
    metrics = rolling.get("/metrics").text
    assert "pricerange_rollout_valid 0.0" in metrics
    assert re.search(r"pricerange_rollout_failures_total ([4-9]|\d\d)\.0", metrics)
    rolling.kill_a_worker()
    assert {rolling.post("/predict", json=phones[0]).status_code for _ in range(10)} == {200}
    rolling.want("stable = 2\n")
    assert rolling.wait_for("2")["valid"]
    # an editor that removes the file before it writes it anew
    generation = rolling.state()["generation"]
    for _ in range(20):
        rolling.file.unlink()
        rolling.file.write_text("stable = 2\n")
        assert rolling.state()["generation"] == generation


def test_no_worker_answers_by_what_was_unloaded_until_it_is_loaded(rolling: Rolling, phones: Phones) -> None:
    assert rolling.post(f"/v2/repository/models/{MODEL}/unload").status_code == 200
    assert {rolling.post("/predict", json=phones[0]).status_code for _ in range(10)} == {503}
    assert rolling.get("/readyz").status_code == 503
    rolling.kill_a_worker()
    assert {rolling.post("/predict", json=phones[0]).status_code for _ in range(10)} == {503}
    assert rolling.index()["1"][0] == "UNAVAILABLE"
    rolling.want("stable = 2\n")
    assert rolling.post(f"/v2/repository/models/{MODEL}/load").status_code == 200
    answers = [rolling.post("/predict", json=phones[0]).raise_for_status().json() for _ in range(10)]
    assert {answer["model"]["version"] for answer in answers} == {"2"}
    assert rolling.get("/readyz").status_code == 200


def test_a_version_that_appears_file_by_file_serves_in_the_end(rolling: Rolling) -> None:
    whole = add_copy(rolling.models, 2)
    parts = shutil.move(whole, whole.with_suffix(".parts"))
    rolling.want(f"stable = {whole.name}\n")
    wait_until(lambda: not rolling.state()["valid"])
    whole.mkdir()
    for name in (PASSPORT_FILE, "approval.json", MODEL_FILE):
        content = (parts / name).read_bytes()
        with (whole / name).open("wb") as file:
            for part in (content[: len(content) // 2], content[len(content) // 2 :]):
                file.write(part)
                file.flush()
                assert rolling.state()["stable"] == "1"
                wait_until(lambda: rolling.state()["problem"])
    assert rolling.wait_for(whole.name, seconds=10)["valid"]
