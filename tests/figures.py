"""What `/metrics` says, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.servers.workers import Site


class Figures:
    """One answer of `/metrics`. Figures are named as in a query: `figures("switchboard_handshakes_total", outcome="accepted")` adds up what fits."""

    def __init__(self, text: str) -> None:
        self.kinds: dict[str, str] = {}
        self.helps: dict[str, str] = {}
        self.samples: list[Sample] = []
        for family in text_string_to_metric_families(text):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            assert name not in self.kinds, f"{name} comes twice"
            self.kinds[name], self.helps[name] = family.type, family.documentation
            self.samples += family.samples
        keys = [(sample.name, *sorted(sample.labels.items())) for sample in self.samples]
        assert len(keys) == len(set(keys)), "a figure has the same labels twice"

    def __call__(self, name: str, **labels: str) -> float:
        return sum(sample.value for sample in self.samples if sample.name == name and labels.items() <= sample.labels.items())

    def growing(self) -> Mapping[tuple[object, ...], float]:
        """All that must never fall: what is counted over all workers."""
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for sample in self.samples
            if sample.name.endswith(("_total", "_bucket", "_count", "_sum")) and "worker" not in sample.labels
        }


def figures(site: Site) -> Figures:
    """What some worker of that server says just now."""
    answer = httpx.get(f"{site.url}/metrics", timeout=60)
    assert answer.status_code == 200, answer.text
    return Figures(answer.text)
