# Three images: `service` (the default: serving and scoring, without torch), `train`, and `ray` (scoring on a cluster and
# into object stores).
#
#   docker build -t pricerange .
#   docker build -t pricerange:gpu --build-arg RUNTIME=gpu .
#   docker build -t pricerange:sign --build-arg EXTRAS=sign .
#   docker build -t pricerange-train --target train --build-arg TORCH_INDEX=URL .
#   docker build -t pricerange:ray --target ray .
#
# RUNTIME=gpu installs ONNX Runtime with its CUDA provider and the CUDA libraries (several GB);
# run the image with `--gpus all -e PRICERANGE_PROVIDER=cuda`. The host needs only the NVIDIA driver.
# EXTRAS names extras of pyproject.toml, separated by commas: `sign` (32 MB) is what `--trusted-keys` needs, `client` what
# `predict --url` does.
# TORCH_INDEX is the URL of PyTorch's index of CPU wheels, listed on https://pytorch.org/get-started: torch from the
# standard index pulls in several GB of CUDA libraries.


FROM python:3.11-slim-bookworm AS build
WORKDIR /build
# pip stays outside /opt/venv, which is copied into the image as it is
RUN python -m venv --without-pip /opt/venv
ENV PIP_PYTHON=/opt/venv/bin/python PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# Dependencies first, through a package that is still empty: this layer is cached until one of these files changes.
COPY pyproject.toml constraints.txt README.md LICENSE ./
ARG RUNTIME=cpu
ARG EXTRAS=
# The wheels onnxruntime and onnxruntime-gpu install the same package: both are removed, then the GPU one is reinstalled.
RUN case "$RUNTIME" in \
      cpu) pip install -c constraints.txt ".${EXTRAS:+[$EXTRAS]}" ;; \
      gpu) pip install -c constraints.txt ".[gpu${EXTRAS:+,$EXTRAS}]" \
           && pip uninstall --yes onnxruntime onnxruntime-gpu \
           && pip install -c constraints.txt --no-deps onnxruntime-gpu ;; \
      *) echo "RUNTIME: expected cpu or gpu, found $RUNTIME" >&2; exit 1 ;; \
    esac


FROM python:3.11-slim-bookworm AS wheel
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY pricerange pricerange
COPY service service
COPY scoring scoring
COPY training training
COPY recipes recipes
COPY client client
RUN pip wheel --no-deps --wheel-dir /wheel .


# Bytecode is compiled here, once, and never checked against its source: the file system is read-only later.
FROM build AS build-service
COPY --from=wheel /wheel /wheel
COPY deploy/trim.sh /
RUN pip install --no-deps --force-reinstall /wheel/*.whl \
    && /trim.sh /opt/venv/lib/python3.*/site-packages \
    && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib


FROM build AS build-train
ARG TORCH_INDEX=
RUN pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -c constraints.txt '.[train]'
COPY --from=wheel /wheel /wheel
# -x: one of torch's modules needs the syntax of a newer Python, as its name says
RUN pip install --no-deps --force-reinstall /wheel/*.whl \
    && /opt/venv/bin/python -m compileall -q -x '/py3\d+_' --invalidation-mode unchecked-hash /opt/venv/lib


FROM build AS build-ray
# `default` is the part of Ray that takes jobs and reports health
RUN pip install -c constraints.txt '.[ray,objects]' 'ray[default]'
COPY --from=wheel /wheel /wheel
RUN pip install --no-deps --force-reinstall /wheel/*.whl \
    && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib


FROM python:3.11-slim-bookworm AS runtime
# HOME and USER: the numeric user has no entry in /etc/passwd
ENV PATH=/opt/venv/bin:$PATH HOME=/tmp USER=pricerange PYTHONUNBUFFERED=1 ORT_DISABLE_TELEMETRY=1
# from here the programs' default model repository, `models`, is /models
WORKDIR /
STOPSIGNAL SIGTERM
ENTRYPOINT ["pricerange"]


FROM runtime AS train
COPY --from=build-train /opt/venv /opt/venv
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
COPY models /models
ENV PYTHONDONTWRITEBYTECODE=1
LABEL org.opencontainers.image.title="pricerange-ray" \
      org.opencontainers.image.description="Scores files of phones on a Ray cluster" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 10001:10001
CMD ["score", "--help"]


FROM runtime AS service
COPY --from=build-service /opt/venv /opt/venv
COPY deploy/ready.py deploy/smoke.py /opt/
# Imports everything that the programs use. This proves that nothing is missing, and writes the bytecode of Python's own
# modules, which the base image lacks.
RUN python /opt/smoke.py && python -IS -c "import http.client" && rm /opt/smoke.py
COPY models /models
# for a volume that keeps how far a canary has come (--rollout-state): it takes over the owner
RUN install --directory --owner 10001 --group 10001 /state
ENV PYTHONDONTWRITEBYTECODE=1 PRICERANGE_HOST=0.0.0.0 PRICERANGE_PORT=8000 PRICERANGE_MODELS=/models
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pricerange" \
      org.opencontainers.image.description="A phone's 20 features in, its price range out" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm" \
      org.opencontainers.image.revision="$REVISION"
USER 10001:10001
EXPOSE 8000
# -IS ignores the environment and site-packages: an eighth of the time.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 CMD ["python", "-IS", "/opt/ready.py"]
CMD ["serve"]
