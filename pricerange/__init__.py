"""The core: what a phone is, what a model version is, how to run one. No torch, no web framework."""

import os

# onnxruntime reports home as soon as it is imported, unless it is told before
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
