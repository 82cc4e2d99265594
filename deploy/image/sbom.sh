#!/bin/sh
# Write what /opt/venv contains to /sbom.cdx.json, the same bytes for the same environment.
set -eu
exec /opt/cyclonedx/bin/cyclonedx-py environment /opt/venv/bin/python --pyproject pyproject.toml --mc-type application \
  --spec-version 1.6 --output-reproducible --validate --output-format JSON --output-file /sbom.cdx.json
