"""Write the rules of deploy/prometheus/rules as the PrometheusRule that Prometheus Operator reads."""

from report import ROOT

TARGET = ROOT / "deploy/kubernetes/components/prometheus-operator/prometheusrule.yaml"
HEAD = """\
# The rules of deploy/prometheus/rules, written by `make prometheus-rule`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: pricerange
  labels: {app.kubernetes.io/name: pricerange}
spec:
  groups:
"""


def prometheus_rule() -> str:
    """Return the document: the groups of all files, indented, without the comments above them."""
    files = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
    groups = [path.read_text().split("\ngroups:\n")[1].splitlines() for path in files]
    return HEAD + "\n\n".join("\n".join(f"  {line}".rstrip() for line in lines) for lines in groups) + "\n"


if __name__ == "__main__":
    TARGET.write_text(prometheus_rule())
