"""Traces: some requests as spans, sent to an OpenTelemetry collector by a thread."""
