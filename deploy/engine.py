"""The container engine of this machine, and the names that one run of the checks gives to things."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import provenance
from report import ROOT, free_port, indented, run

USER = "10001:10001"
"""The image's user."""


class Engine:
    """Docker, podman, or whatever the variables name."""

    def __init__(self) -> None:
        name = os.environ.get("ENGINE") or _engine()
        podman = Path(shlex.split(name)[0]).name == "podman"
        self.podman = podman
        self._engine = shlex.split(name)
        # the OCI format, podman's own choice, has no health checks
        build = os.environ.get("BUILD") or (f"{name} build --format docker" if podman else f"{name} build")
        self._build = shlex.split(build)
        self._build_arguments = shlex.split(os.environ.get("BUILD_ARGS", ""))
        self._compose = shlex.split(
            os.environ.get("COMPOSE") or ("podman-compose" if podman else f"{name} compose")
        )
        self._environment: Mapping[str, str] = os.environ

    def engine(self, *arguments: str) -> str:
        """Run a command of the engine and return what it prints."""
        return run([*self._engine, *arguments], self._environment)

    @cached_property
    def base(self) -> str:
        """The base of images that are built, by digest."""
        return provenance.base(self.engine)

    def build(self, *arguments: str) -> str:
        """Build an image from the repository, with labels of where it comes from."""
        labels = [f"--label={name}={value}" for name, value in provenance.labels(self.base).items()]
        options = ["--build-arg", f"BASE={self.base}", *labels, *self._build_arguments]
        return run([*self._build, *options, *arguments, "."], self._environment)

    def labels(self, image: str) -> dict[str, str]:
        """Return an image's labels."""
        found: dict[str, str] = json.loads(
            self.engine("image", "inspect", "--format", "{{json .Config.Labels}}", image)
        )
        return found

    def megabytes(self, image: str) -> float:
        """Return an image's size, with its base."""
        return int(self.engine("image", "inspect", "--format", "{{.Size}}", image)) / 1e6


class Machine(Engine):
    """The engine, and the names and folders of this run: nothing of anyone else's is touched."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.project = f"pricerange-check-{os.getpid()}"
        self.image = f"localhost/pricerange:check-{os.getpid()}"
        self.train_image = f"localhost/pricerange-train:check-{os.getpid()}"
        self.models, self.data = folder / "models", folder / "data"
        self.service = f"http://127.0.0.1:{(port := free_port())}"
        self.prometheus = f"http://127.0.0.1:{(prometheus_port := free_port())}"
        self.port = port
        self.memory = "256m"
        # root would prove nothing: jobs run as the image's user then
        self.user = f"{os.getuid()}:{os.getgid()}" if os.getuid() else USER
        # what docker-compose.yml reads
        self._environment = os.environ | {
            "COMPOSE_PROJECT_NAME": self.project,
            "PRICERANGE_IMAGE": self.image,
            "PRICERANGE_TRAIN_IMAGE": self.train_image,
            "PRICERANGE_PORT": str(port),
            "PRICERANGE_MEMORY": self.memory,
            "PROMETHEUS_PORT": str(prometheus_port),
            "PRICERANGE_USER": self.user,
            "MODELS_FOLDER": str(self.models),
            "DATA_FOLDER": str(self.data),
            "PRICERANGE_DATA_FILE": str(self.data / "phones.csv"),
        }

    def compose(self, *arguments: str) -> str:
        """Run a command on docker-compose.yml and return what it prints."""
        return run([*self._compose, *arguments], self._environment)

    def in_image(self, *command: str, network: str = "none") -> str:
        """Run a command in a new container of the image."""
        options = ["run", "--rm", "--network", network, "--entrypoint", command[0], self.image]
        return self.engine(*options, *command[1:])

    def container(self) -> str:
        """Return the id of the service's container."""
        labels = [f"project={self.project}", "service=service"]
        filters = [f"--filter=label=com.docker.compose.{label}" for label in labels]
        return self.engine("ps", "--all", "--quiet", *filters).strip()

    def last_words(self) -> str:
        """Return the end of the service's log."""
        command = [*self._engine, "logs", "--tail=12", self.container()]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        return indented(done.stdout)

    def clean_up(self) -> None:
        """Remove the containers, the network, the volume and the images of this run."""
        for command in (
            [*self._compose, "--profile", "train", "--profile", "score", "down", "--volumes"],
            [*self._engine, "rm", "--force", "--volumes", f"{self.project}-alone"],
            [*self._engine, "rmi", "--force", self.image, self.train_image],
        ):
            subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, check=False)


def _engine() -> str:
    if shutil.which("docker"):
        daemon = subprocess.run(["docker", "info"], capture_output=True, check=False)
        if daemon.returncode == 0:
            return "docker"
    if shutil.which("podman"):
        return "podman"
    sys.exit("no container engine: neither a Docker daemon nor podman")
