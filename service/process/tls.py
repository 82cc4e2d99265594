"""HTTPS from the service itself, where no proxy stands in front: one context, its certificate read anew."""

import logging
import ssl
from pathlib import Path

from pricerange.errors import SettingsError
from pricerange.machine.descriptors import EXHAUSTED

log = logging.getLogger(__name__)


class Certificate:
    """A certificate and its key in files; new connections get what is in them now.

    Raises `SettingsError` where they cannot be used.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        self._files = cert, key
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.set_alpn_protocols(["http/1.1"])
        self._seen = self._changes()
        try:
            self.context.load_cert_chain(cert, key)
        except OSError as error:  # ssl.SSLError is one
            expected = f"a certificate and its key, both PEM ({error.strerror or error})"
            raise SettingsError("tls_cert and tls_key", expected, f"{cert} and {key}") from error
        self.pem = key.read_bytes(), cert.read_bytes()
        """The key and the certificate that new connections get."""

    def refresh(self) -> None:
        """Read the files again if they have changed; what is wrong with them changes nothing but the log."""
        changes = self._changes()
        if changes == self._seen:
            return
        self._seen = changes
        try:
            # first into a context of its own: a key that does not fit would spoil the one in use
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files)
            self.context.load_cert_chain(*self._files)
            cert, key = self._files
            self.pem = key.read_bytes(), cert.read_bytes()
        except OSError as error:
            if error.errno in EXHAUSTED:
                self._seen = []  # nothing is wrong with the files: try again
                return
            log.error("the new certificate cannot be used, the old one stays: %s", error)
        else:
            log.info("using the new certificate in %s", self._files[0])

    def _changes(self) -> list[tuple[int, int] | None]:
        found: list[tuple[int, int] | None] = []
        for path in self._files:
            try:
                status = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((status.st_mtime_ns, status.st_ino))
        return found
