"""Proxies as they are often put before a service: nginx and HAProxy, with connections that clients share."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_NGINX = """
daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  upstream service {{ server {service}; keepalive 2; }}
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 10m;
    location / {{
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_request_buffering {buffering};
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }}
  }}
}}
"""
_HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
  http-reuse always
frontend front
  bind 127.0.0.1:{port}
  default_backend back
backend back
  server service {service}
"""


@dataclass(frozen=True)
class Front:
    """A proxy: `config` is a template, `command` gets its file and a folder to work in."""

    name: str
    config: str
    command: Sequence[str]
    package: str


FRONTS = (
    Front(
        "nginx",
        _NGINX.replace("{buffering}", "on"),
        ("nginx", "-e", "stderr", "-p", "{folder}", "-c", "{file}"),
        "nginx-light",
    ),
    Front(
        "nginx, bodies passed on at once",
        _NGINX.replace("{buffering}", "off"),
        ("nginx", "-e", "stderr", "-p", "{folder}", "-c", "{file}"),
        "nginx-light",
    ),
    Front("HAProxy", _HAPROXY, ("haproxy", "-q", "-f", "{file}"), "haproxy"),
)


def require(program: str, package: str) -> None:
    """End the program where another is not installed."""
    if shutil.which(program) is None:
        sys.exit(f"{program} is not installed: it is in the package `{package}` of Debian and Ubuntu")


@contextmanager
def before(url: str, front: Front) -> Iterator[str]:
    """Start a proxy before a service, wait until it listens, return its URL and end it afterwards."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
        place.close()
        file = Path(folder) / "front.conf"
        file.write_text(front.config.format(port=port, service=url.removeprefix("http://")))
        process = subprocess.Popen([part.format(folder=folder, file=file) for part in front.command])
        try:
            while not _listens(port):
                if process.poll() is not None:
                    sys.exit(f"{front.name} ended with {process.returncode} before it listened")
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
