"""Only what a trusted key has signed is taken, every file of it, and the bytes that were loaded."""

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from model_signing import hashing, signing
from signing_keys import make_key

from pricerange import bundle
from pricerange.approval import APPROVAL_FILE, Approval
from pricerange.bundle import MODEL_FILE, PASSPORT_FILE
from pricerange.errors import (
    NoPromotableVersionError,
    TrustedKeysError,
    UnsignedVersionError,
    WrongSignatureError,
)
from pricerange.predictor import Predictor
from pricerange.signature.claim import SIGNATURE_FILE
from pricerange.signature.signing import sign, with_key
from pricerange.signature.trust import Signer, Trust, find


def test_a_signed_version_is_loaded_and_tells_its_signer(models: Path, signed: Path, trust: Trust) -> None:
    key = trust.folder / "release.pub"
    signer = Signer("release.pub", hashlib.sha256(key.read_bytes()).hexdigest())
    assert Predictor.load(models, trust=trust).signer == signer
    assert Predictor.load(models).signer is None
    assert trust.refusal(signed) is None


def test_a_decision_may_come_later_and_change(signed: Path, trust: Trust) -> None:
    (signed / APPROVAL_FILE).unlink()
    assert trust.require(bundle.read(signed)).key == "release.pub"
    Approval.now("approved", "seen by eye").write(signed)
    assert trust.require(bundle.read(signed)).key == "release.pub"


def add(name: str) -> Callable[[Path], object]:
    return lambda version: (version / name).write_bytes(b"")


def add_folder(version: Path) -> None:
    (version / "more" / "of it").mkdir(parents=True)
    (version / "more" / "of it" / "file").touch()


def add_pipe(version: Path) -> None:
    os.mkfifo(version / "pipe")


def lose(version: Path) -> None:
    (version / "MODEL_CARD.md").unlink()


def change(version: Path) -> None:
    card = version / "MODEL_CARD.md"
    card.write_bytes(card.read_bytes() + b"\n")


def put_link_in_place(version: Path) -> None:
    card = version / "MODEL_CARD.md"
    card.rename(version.parent / "elsewhere.md")
    card.symlink_to(version.parent / "elsewhere.md")


def swap(version: Path) -> None:
    card, report = version / "MODEL_CARD.md", version / "report.html"
    content = card.read_bytes()
    card.write_bytes(report.read_bytes())
    report.write_bytes(content)


def new_passport(version: Path) -> None:
    """Let the passport name another source: it stays whole, and is not the one that was signed."""
    passport = version / PASSPORT_FILE
    fields = json.loads(passport.read_bytes())
    fields["training_data"]["source"] = "elsewhere.csv"
    passport.write_text(json.dumps(fields))


TAMPERED = [
    pytest.param(add("evil.py"), "added evil.py", id="a file more"),
    pytest.param(add(".gitattributes"), "added .gitattributes", id="a file of Git's more"),
    pytest.param(add_folder, "added more/of it/file", id="a folder more"),
    pytest.param(add_pipe, "special file", id="a pipe more"),
    pytest.param(lambda version: (version / "link").symlink_to("/"), "symlink", id="a link more"),
    pytest.param(lose, "missing MODEL_CARD.md", id="a file less"),
    pytest.param(change, "changed MODEL_CARD.md", id="another content"),
    pytest.param(swap, "changed MODEL_CARD.md, report.html", id="two files swapped"),
    pytest.param(put_link_in_place, "symlink", id="a link in place of a file"),
    pytest.param(
        lambda version: [add(f"{number}.txt")(version) for number in range(9)],
        "added 0.txt, 1.txt, 2.txt and 6 more",
        id="many files more",
    ),
    pytest.param(new_passport, "changed bundle.json", id="another passport"),
]


@pytest.mark.parametrize(("tamper", "words"), TAMPERED)
def test_a_version_that_was_changed_is_not_taken(
    signed: Path, trust: Trust, tamper: Callable[[Path], object], words: str
) -> None:
    tamper(signed)
    with pytest.raises(WrongSignatureError, match=r"release\.pub has signed other files") as raised:
        trust.require(bundle.read(signed))
    assert words in str(raised.value)
    assert trust.refusal(signed) == str(raised.value)


def test_what_was_loaded_is_what_was_verified(signed: Path, trust: Trust, tmp_path: Path) -> None:
    """Somebody puts other files in place for as long as they are loaded, and the signed ones back."""
    kept = shutil.copytree(signed, tmp_path / "kept")
    new_passport(signed)
    loaded = bundle.read(signed)
    shutil.copy(kept / PASSPORT_FILE, signed)
    assert trust.refusal(signed) is None
    with pytest.raises(WrongSignatureError, match=r"bundle\.json was replaced between loading and verifying"):
        trust.require(loaded)


def test_a_version_without_a_signature_is_not_taken(models: Path, trust: Trust) -> None:
    with pytest.raises(UnsignedVersionError, match=r"`pricerange models sign 1 --key KEY.pem`"):
        Predictor.load(models, 1, trust=trust)


def test_the_signature_of_a_key_that_is_not_trusted_is_none(
    models: Path, trust: Trust, tmp_path: Path
) -> None:
    sign(bundle.read(bundle.find(models, 1)), with_key(make_key(tmp_path, "stranger")))
    with pytest.raises(WrongSignatureError, match=r"no key in .*trusted has made it \(release.pub\)"):
        Predictor.load(models, 1, trust=trust)


def rewritten(signature: Path, rewrite: Callable[[dict[str, object]], object]) -> None:
    """Change what a signature says that was signed."""
    fields = json.loads(signature.read_bytes())
    payload = json.loads(base64.b64decode(fields["dsseEnvelope"]["payload"]))
    rewrite(payload)
    fields["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    signature.write_text(json.dumps(fields))


def test_a_list_of_files_that_the_key_has_not_signed_is_not_believed(signed: Path, trust: Trust) -> None:
    rewritten(signed / SIGNATURE_FILE, lambda payload: None)
    with pytest.raises(WrongSignatureError, match=r"release\.pub is named in it and has not made it"):
        trust.require(bundle.read(signed))


def claim(signature: Path, trust: Trust, tmp_path: Path) -> None:
    """Put the name of the trusted key on the signature of another."""
    sign(bundle.read(signature.parent), with_key(make_key(tmp_path, "stranger")))
    fields = json.loads(signature.read_bytes())
    fields["verificationMaterial"]["publicKey"]["hint"] = next(iter(trust.signers()))
    signature.write_text(json.dumps(fields))


def test_a_signature_that_claims_to_be_of_the_trusted_key_is_none(
    signed: Path, trust: Trust, tmp_path: Path
) -> None:
    claim(signed / SIGNATURE_FILE, trust, tmp_path)
    with pytest.raises(WrongSignatureError, match=r"release\.pub is named in it and has not made it"):
        trust.require(bundle.read(signed))


@pytest.mark.parametrize("name", [MODEL_FILE, PASSPORT_FILE])
def test_a_signature_that_leaves_out_what_counts_is_none(
    models: Path, trust: Trust, tmp_path: Path, name: str
) -> None:
    """The key may sign what it likes elsewhere; here the model and its passport have to be among it."""
    version = bundle.find(models, 1)
    config = hashing.Config().set_ignored_paths(paths=[name, SIGNATURE_FILE, APPROVAL_FILE])
    signer = signing.Config().use_elliptic_key_signer(private_key=tmp_path / "release.key")
    signer.set_hashing_config(config).sign(version, version / SIGNATURE_FILE)
    with pytest.raises(WrongSignatureError, match=f"it does not cover {name}"):
        trust.require(bundle.read(version))


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def a_terabyte(path: Path) -> None:
    os.truncate(path, 1 << 40)


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(truncate, "by which key", id="truncated"),
        pytest.param(lambda path: path.write_bytes(b"[" * 100_000), "by which key", id="nested"),
        pytest.param(lambda path: path.write_bytes(b"{}"), "by which key", id="empty"),
        pytest.param(
            lambda path: path.write_bytes(b'{"verificationMaterial": []}'), "which key", id="a list"
        ),
        pytest.param(a_terabyte, "expected at most 1048576 bytes, found 1099511627776", id="a terabyte"),
        pytest.param(a_pipe, "not a regular file", id="a pipe"),
    ],
)
def test_a_damaged_signature_is_an_error_of_its_own(
    signed: Path, trust: Trust, damage: Callable[[Path], object], words: str
) -> None:
    damage(signed / SIGNATURE_FILE)
    with pytest.raises(WrongSignatureError, match=words):
        trust.require(bundle.read(signed))


def test_the_newest_version_that_is_promotable_and_trusted_is_taken(
    models: Path, signed: Path, trust: Trust, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever else is wrong with a newer one: nobody whom we trust has put it there."""
    for number in ("2", "3"):
        shutil.copytree(signed, signed.with_name(number))
    (signed.with_name("2") / PASSPORT_FILE).write_bytes(b"{")
    (signed.with_name("3") / SIGNATURE_FILE).unlink()
    assert find(models, None, trust) == signed
    assert [line.split(": ")[0] for line in caplog.messages] == [
        "version 3 is passed over for version 1",
        "version 2 is passed over for version 1",
    ]
    Approval.now("rejected", "too old").write(signed)
    with pytest.raises(NoPromotableVersionError, match=r"version 1, rejected by .* too old"):
        find(models, None, trust)


def test_keys_come_and_go_while_a_service_runs(signed: Path, trust: Trust, tmp_path: Path) -> None:
    version = bundle.read(signed)
    make_key(tmp_path, "new", trust.folder)
    assert trust.require(version).key == "release.pub"
    (trust.folder / "release.pub").unlink()
    with pytest.raises(WrongSignatureError, match=r"no key in .* \(new.pub\)"):
        trust.require(version)


def public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_what_is_no_key_is_said_and_left_out(
    signed: Path, trust: Trust, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (trust.folder / "README.md").write_text("Our keys")
    (trust.folder / "broken.pem").write_text("-----BEGIN")
    (trust.folder / "rsa.pem").write_bytes(public(rsa.generate_private_key(65537, 2048).public_key()))
    (trust.folder / "bitcoin.pem").write_bytes(public(ec.generate_private_key(ec.SECP256K1()).public_key()))
    shutil.copy(tmp_path / "release.key", trust.folder / "private.pem")
    os.mkfifo(trust.folder / "pipe.pem")
    found = Trust.of(trust.folder)
    assert found is not None
    assert found.require(bundle.read(signed)).key == "release.pub"
    assert len(caplog.messages) == 5
    left_out = {Path(message.split()[0]).name for message in caplog.messages}
    assert left_out == {"broken.pem", "rsa.pem", "bitcoin.pem", "private.pem", "pipe.pem"}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        pytest.param(None, "No such file or directory", id="no folder"),
        pytest.param([], "found none", id="empty"),
        pytest.param(["a.pem", "b.pub"], "found a.pem, b.pub", id="no keys"),
    ],
)
def test_a_folder_without_keys_is_an_error(tmp_path: Path, names: list[str] | None, words: str) -> None:
    folder = tmp_path / "keys"
    if names is not None:
        folder.mkdir()
        for name in names:
            (folder / name).write_text("no key")
    with pytest.raises(TrustedKeysError, match=words):
        Trust.of(folder)


def test_no_folder_is_no_trust_and_asks_for_nothing() -> None:
    assert Trust.of(None) is None
