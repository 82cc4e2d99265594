"""The head of a call: metadata as headers, kept while it is the same, and never many or long ones."""

import pytest

from service.grpc.head import _MOST_KNOWN, Heads, address_of

PATH = "/inference.GRPCInferenceService/ModelInfer"


def test_metadata_are_headers() -> None:
    head = Heads().of(PATH, (("x-request-id", "a"), ("trace-bin", b"\xff"), ("a", "1"), ("a", "2")))
    assert (head.method, head.path) == ("POST", PATH)
    assert head.by_name == {b"x-request-id": b"a", b"trace-bin": b"\xff", b"a": b"1, 2"}


def test_a_head_is_kept_for_who_sends_it_again() -> None:
    heads = Heads()
    metadata = (("authorization", "Bearer x"),)
    assert heads.of(PATH, metadata) is heads.of(PATH, tuple(metadata))
    assert heads.of(PATH, metadata) is not heads.of("/other", metadata)


def test_long_metadata_are_not_kept_and_many_are_let_go() -> None:
    heads = Heads()
    long = (("a", "b" * 2_000),)
    assert heads.of(PATH, long) is not heads.of(PATH, long)
    for number in range(3 * _MOST_KNOWN):
        heads.of(PATH, (("x-request-id", str(number)),))
    assert len(heads._known) <= _MOST_KNOWN


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:4711", "127.0.0.1"),
        ("ipv6:%5B::1%5D:4711", "::1"),
        ("ipv6:[2001:db8::1]:4711", "2001:db8::1"),
        ("unix:/tmp/socket", None),
    ],
)
def test_the_client_is_its_address(peer: str, address: str | None) -> None:
    assert address_of(peer) == address
