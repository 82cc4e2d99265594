"""Signing a version, with a key or with Sigstore, and verifying the latter."""

from pathlib import Path
from tempfile import TemporaryDirectory

from model_signing import signing, verifying

from pricerange import durable
from pricerange.bundle import Bundle
from pricerange.errors import SettingsError, SigningError, TargetError, WrongSignatureError
from pricerange.signature.claim import SIGNATURE_FILE
from pricerange.signature.covered import CoveredFiles


def with_key(key: Path) -> signing.Config:
    """Return what signs with a private key. Raises `SettingsError`."""
    try:
        return signing.Config().use_elliptic_key_signer(private_key=key)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        expected = "a private key (EC P-256, P-384 or P-521, PEM, not encrypted)"
        raise SettingsError("--key", expected, str(key)) from error


def with_sigstore() -> signing.Config:
    """Return what signs as whom the surroundings know us (CI), else as whoever logs in with a browser.

    Raises `SettingsError`.
    """
    try:
        return signing.Config().use_sigstore_signer(use_ambient_credentials=True)
    except Exception as error:  # whatever can be wrong with a network, in the words of several libraries
        raise SettingsError("--sigstore", "a network with Sigstore in it", str(error)) from error


def sign(version: Bundle, signer: signing.Config) -> Path:
    """Sign the files of a version, those that were loaded, and return the signature's file beside them.

    An earlier signature is replaced. Raises `SigningError` or `TargetError`.
    """
    covered = CoveredFiles()
    target = version.path / SIGNATURE_FILE
    with TemporaryDirectory() as folder:
        made = Path(folder) / SIGNATURE_FILE
        try:
            signer.set_hashing_config(covered).sign(version.path, made)
        except (
            Exception
        ) as error:  # a link among the files, a file that goes, and all that a network can raise
            raise SigningError(version.path, str(error)) from error
        if name := covered.other_than(version):
            raise SigningError(version.path, f"{name} was replaced while it was verified")
        try:
            durable.replace(target, made.read_bytes(), staged_in=version.path.parent)
        except OSError as error:
            raise TargetError(target, error.strerror or str(error)) from error
    return target


def require_sigstore(version: Bundle, identity: str, provider: str) -> None:
    """Verify that someone has signed a version, as an identity that an OpenID Connect provider vouches for.

    Raises `WrongSignatureError`.
    """
    covered = CoveredFiles()
    path = version.path / SIGNATURE_FILE
    try:
        verifying.Config().use_sigstore_verifier(identity=identity, oidc_issuer=provider).set_hashing_config(
            covered
        ).verify(version.path, path)
    except Exception as error:  # no network, another identity, other files: the library has no base for these
        raise WrongSignatureError(path, str(error) or type(error).__name__) from error
    if name := covered.other_than(version):
        raise WrongSignatureError(path, f"{name} was replaced between loading and verifying it")
