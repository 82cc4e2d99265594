"""What Prometheus reads, as a test asks for it: each sample by its name and labels."""

from prometheus_client.parser import text_string_to_metric_families

from service.telemetry.metrics import Metrics

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples_of(text: bytes) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples_of(metrics.exposition())[name, frozenset(labels.items())]
