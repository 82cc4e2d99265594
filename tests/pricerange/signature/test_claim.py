"""Whatever stands in a signature's place, it is read or refused, and what differs is told in few words."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricerange.errors import UnsignedVersionError, WrongSignatureError
from pricerange.signature.claim import SIGNATURE_FILE, Claim

NAMES = ["verificationMaterial", "publicKey", "hint", "dsseEnvelope", "payload", "predicate", "resources"]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)

files = anything | st.lists(st.fixed_dictionaries({"name": anything, "digest": anything}), max_size=3)
payloads = anything | st.fixed_dictionaries({"predicate": st.fixed_dictionaries({"resources": files})})


@pytest.fixture(scope="module")
def signature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("3") / SIGNATURE_FILE


def of(hint: object, payload: object) -> dict[str, Any]:
    encoded = base64.b64encode(json.dumps(payload).encode()).decode()
    return {"verificationMaterial": {"publicKey": {"hint": hint}}, "dsseEnvelope": {"payload": encoded}}


@given(
    content=anything | st.builds(of, anything, payloads),
    found=st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=3), max_size=2),
)
def test_any_json_is_read_or_refused(signature: Path, content: object, found: dict[str, str]) -> None:
    signature.write_text(json.dumps(content))
    try:
        claim = Claim.read(signature)
    except WrongSignatureError as error:
        assert "by which key" in str(error)  # noqa: PT017 - either of the two is right
    else:
        assert isinstance(claim.other_than(found), str)


def test_a_folder_without_a_signature_names_itself(tmp_path: Path) -> None:
    with pytest.raises(UnsignedVersionError) as raised:
        Claim.read(tmp_path / SIGNATURE_FILE)
    assert str(raised.value).startswith(f"{tmp_path} is not signed")


def test_what_differs_is_told_by_kind() -> None:
    files = [{"name": name, "digest": digest} for name, digest in (("a", "1"), ("b", "2"), ("c", "3"))]
    claim = Claim("", of("", {"predicate": {"resources": files}}))
    assert claim.other_than({"a": "1", "b": "4", "d": "5"}) == "added d; missing c; changed b"
    assert claim.other_than({"a": "1", "b": "2", "c": "3"}) == ""
    assert claim.other_than({}) == ""
