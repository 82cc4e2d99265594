# Three images: `service` (the default: serving and scoring, without torch), `train`, and `ray` (scoring on a cluster and
# into object stores).
#
#   docker build -t pricerange .                              # or `make image`, which names the base by its digest
#   docker build -t pricerange:gpu --build-arg RUNTIME=gpu .
#   docker build -t pricerange-train --target train --build-arg TORCH_INDEX=URL .
#   docker build -t pricerange:ray --target ray .
#
# RUNTIME=gpu installs ONNX Runtime with its CUDA provider and the CUDA libraries (several GB);
# run the image with `--gpus all -e PRICERANGE_PROVIDER=cuda`. The host needs only the NVIDIA driver.
# EXTRAS names extras of pyproject.toml, separated by commas, that have a file in requirements/; none: EXTRAS=. Traces need
# `otel`, `--grpc-port` needs `grpc`, `--trusted-keys` needs `sign`, which is most of the 35 MB that it and `otel` weigh.
# An image without `grpc` is run with `-e PRICERANGE_GRPC_PORT=`.
# All that is installed is checked against the hashes in requirements/, except torch and its CUDA libraries.
# BASE may name a digest: python@sha256:... docs/images.md says what is in an image, and how to know.
# TORCH_INDEX is the URL of PyTorch's index of CPU wheels, listed on https://pytorch.org/get-started: torch from the
# standard index pulls in several GB of CUDA libraries.


ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM $BASE AS pip
WORKDIR /build
# wheels only: to build one from a source, pip would fetch what no file names
ENV PIP_REQUIRE_HASHES=1 PIP_ONLY_BINARY=:all: PIP_COMPILE=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements requirements


FROM pip AS build
# pip stays outside /opt/venv, which is copied into the image as it is
RUN python -m venv --without-pip /opt/venv
ENV PIP_PYTHON=/opt/venv/bin/python
ARG RUNTIME=cpu
ARG EXTRAS=otel,sign,grpc
# The wheels onnxruntime and onnxruntime-gpu install the same package: both are removed, then the GPU one is reinstalled.
RUN set -- -r requirements/core.txt \
    && for extra in $(echo "$EXTRAS" | tr , ' '); do set -- "$@" -r "requirements/$extra.txt"; done \
    && case "$RUNTIME" in \
      cpu) pip install "$@" ;; \
      gpu) pip install "$@" -r requirements/gpu.txt \
           && pip uninstall --yes onnxruntime onnxruntime-gpu \
           && pip install --no-deps -r requirements/gpu.txt ;; \
      *) echo "RUNTIME: expected cpu or gpu, found $RUNTIME" >&2; exit 1 ;; \
    esac


FROM pip AS wheel
RUN python -m venv --without-pip /opt/hatchling && pip --python /opt/hatchling/bin/python install -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY pricerange pricerange
COPY service service
COPY scoring scoring
COPY training training
COPY recipes recipes
COPY client client
RUN PIP_REQUIRE_HASHES=0 pip --python /opt/hatchling/bin/python wheel \
      --no-build-isolation --no-deps --wheel-dir /wheel .


# Bytecode is compiled here, once, and never checked against its source: the file system is read-only later.
FROM build AS build-service
RUN apt-get update && apt-get install --yes --no-install-recommends binutils
COPY --from=wheel /wheel /wheel
COPY deploy/image/trim.sh /
RUN PIP_REQUIRE_HASHES=0 pip install --no-deps /wheel/*.whl \
    && /trim.sh /opt/venv/lib/python3.*/site-packages \
    && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib


FROM build AS build-train
RUN pip install -r requirements/core.txt -r requirements/train.txt
COPY constraints.txt ./
ARG TORCH_INDEX=
RUN PIP_REQUIRE_HASHES=0 pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -c constraints.txt torch
COPY --from=wheel /wheel /wheel
# -x: one of torch's modules needs the syntax of a newer Python, as its name says
RUN PIP_REQUIRE_HASHES=0 pip install --no-deps /wheel/*.whl \
    && /opt/venv/bin/python -m compileall -q -x '/py3\d+_' --invalidation-mode unchecked-hash /opt/venv/lib


FROM build AS build-ray
RUN pip install -r requirements/core.txt -r requirements/objects.txt -r requirements/ray.txt
COPY --from=wheel /wheel /wheel
RUN PIP_REQUIRE_HASHES=0 pip install --no-deps /wheel/*.whl \
    && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib


# What is in each environment, as CycloneDX: read from the environment itself, and held against CycloneDX's schema.
FROM pip AS cyclonedx
RUN python -m venv --without-pip /opt/cyclonedx && pip --python /opt/cyclonedx/bin/python install -r requirements/sbom.txt
COPY pyproject.toml ./
COPY deploy/image/sbom.sh /

FROM cyclonedx AS sbom-service
RUN --mount=from=build-service,source=/opt/venv,target=/opt/venv /sbom.sh

FROM cyclonedx AS sbom-train
RUN --mount=from=build-train,source=/opt/venv,target=/opt/venv /sbom.sh

FROM cyclonedx AS sbom-ray
RUN --mount=from=build-ray,source=/opt/venv,target=/opt/venv /sbom.sh


FROM $BASE AS runtime
# HOME and USER: the numeric user has no entry in /etc/passwd
ENV PATH=/opt/venv/bin:$PATH HOME=/tmp USER=pricerange PYTHONUNBUFFERED=1 ORT_DISABLE_TELEMETRY=1
# from here the programs' default model repository, `models`, is /models
WORKDIR /
STOPSIGNAL SIGTERM
ENTRYPOINT ["pricerange"]


FROM runtime AS train
COPY --from=build-train /opt/venv /opt/venv
COPY --from=sbom-train /sbom.cdx.json /usr/share/sbom/pricerange.cdx.json
ENV PYTHONDONTWRITEBYTECODE=1 MPLCONFIGDIR=/tmp/matplotlib
LABEL org.opencontainers.image.title="pricerange-train" \
      org.opencontainers.image.description="Trains a phone price range model on a table and writes a model version" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 10001:10001
CMD ["train", "--help"]


FROM runtime AS ray
# KubeRay starts Ray through a login shell and checks its health with wget
RUN apt-get update && apt-get install --yes --no-install-recommends wget && rm -rf /var/lib/apt/lists/* \
    && echo 'PATH=/opt/venv/bin:$PATH' > /etc/profile.d/pricerange.sh
COPY --from=build-ray /opt/venv /opt/venv
COPY --from=sbom-ray /sbom.cdx.json /usr/share/sbom/pricerange.cdx.json
COPY models /models
ENV PYTHONDONTWRITEBYTECODE=1
LABEL org.opencontainers.image.title="pricerange-ray" \
      org.opencontainers.image.description="Scores files of phones on a Ray cluster" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 10001:10001
CMD ["score", "--help"]


FROM runtime AS service
COPY --from=build-service /opt/venv /opt/venv
COPY --from=sbom-service /sbom.cdx.json /usr/share/sbom/pricerange.cdx.json
COPY deploy/image/ready.py deploy/image/smoke.py /opt/
# Imports everything that the programs use. This proves that nothing is missing, and writes the bytecode of Python's own
# modules, which the base image lacks.
RUN python /opt/smoke.py && python -IS -c "import http.client" && rm /opt/smoke.py
COPY models /models
# for a volume that keeps how far a canary has come (--rollout-state): it takes over the owner
RUN install --directory --owner 10001 --group 10001 /state
ENV PYTHONDONTWRITEBYTECODE=1 PRICERANGE_HOST=0.0.0.0 PRICERANGE_PORT=8000 PRICERANGE_GRPC_PORT=8001 \
    PRICERANGE_MODELS=/models
LABEL org.opencontainers.image.title="pricerange" \
      org.opencontainers.image.description="A phone's 20 features in, its price range out" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 10001:10001
EXPOSE 8000 8001
# -IS ignores the environment and site-packages: an eighth of the time.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 CMD ["python", "-IS", "/opt/ready.py"]
CMD ["serve"]
