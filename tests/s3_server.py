"""A real S3 server: moto's, from an environment of its own, since its dependencies exclude some of ours."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from waiting import wait_until

PROGRAM = Path(f"{sys.prefix}-s3") / "bin" / "moto_server"
NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
SIGNED = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=x"
POLICY = '{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": {}, "Resource": "*"}}]}}'


class S3Server:
    """A server on a port of its own with the bucket `shop`, which takes any key until it is told to check."""

    def __init__(self) -> None:
        assert PROGRAM.exists(), f"the tests need an S3 server in {PROGRAM}: `make test` installs it"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._process = subprocess.Popen(
            [PROGRAM, "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._url = f"http://127.0.0.1:{self.port}"
        wait_until(self._answers, 60)
        self._ask("PUT", "/shop")

    def _answers(self) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) == 0

    def _ask(self, method: str, path: str, data: bytes | None = None, service: str = "s3") -> bytes:
        kind = "application/x-www-form-urlencoded" if service == "iam" else "text/plain"
        headers = {"Authorization": SIGNED.format(service), "Content-Type": kind}
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def uri(self, key: str, user: str = "key:secret", bucket: str = "shop") -> str:
        """Return the URI of a key, which is written into it as it is."""
        place = f"endpoint_override=127.0.0.1:{self.port}&scheme=http&region=us-east-1"
        return f"s3://{user}@{bucket}/{key}?{place}"

    def put(self, key: str, content: bytes) -> None:
        self._ask("PUT", f"/shop/{quote(key)}", content)

    def get(self, key: str) -> bytes:
        return self._ask("GET", f"/shop/{quote(key)}")

    def keys(self, prefix: str = "") -> list[str]:
        listed = ElementTree.fromstring(self._ask("GET", f"/shop?list-type=2&prefix={quote(prefix)}"))
        return [key.text or "" for key in listed.iter(f"{NAMESPACE}Key")]

    def unfinished(self) -> list[str]:
        """Return the keys of uploads that were neither finished nor aborted."""
        return re.findall("<Key>(.*?)</Key>", self._ask("GET", "/shop?uploads").decode())

    def remove(self, prefix: str) -> None:
        for key in self.keys(prefix):
            self._ask("DELETE", f"/shop/{quote(key)}")

    def user(self, *actions: str) -> str:
        """Make a user who may do so much, and return what stands before a bucket in a URI."""
        name = uuid.uuid4().hex
        self._iam(Action="CreateUser", UserName=name)
        policy = (
            '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": %s, "Resource": "*"}]}'
        )
        allowed = str([*actions]).replace("'", '"')
        self._iam(Action="PutUserPolicy", UserName=name, PolicyName="p", PolicyDocument=policy % allowed)
        key = self._iam(Action="CreateAccessKey", UserName=name)
        found = [re.search(f"<{tag}>(.*?)<", key)[1] for tag in ("AccessKeyId", "SecretAccessKey")]
        return ":".join(quote(part, safe="") for part in found)

    def _iam(self, **parameters: str) -> str:
        data = urlencode({"Version": "2010-05-08", **parameters}).encode()
        return self._ask("POST", "/", data, "iam").decode()

    def check_keys(self, check: bool = True) -> None:
        """Answer only what is signed by a user who may ask it, or anything."""
        self._ask("POST", "/moto-api/reset-auth", b"0" if check else b"inf", "moto")

    def pause(self) -> None:
        """Take connections, and answer none."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
