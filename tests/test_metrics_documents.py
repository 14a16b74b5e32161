"""What the documents, the dashboard and the alerts say of figures is true: each figure that they name is there, and each that is there is explained."""

import json
import re
from pathlib import Path

import pytest
import yaml

from accounts import counting
from tests.figures import Figures

CHECKOUT = Path(__file__).resolve().parent.parent
PAGE = (CHECKOUT / "docs/figures.md").read_text()
DASHBOARD = json.loads((CHECKOUT / "deploy/grafana/switchboard.json").read_text())
ALERTS = yaml.safe_load((CHECKOUT / "deploy/prometheus/alerts.yml").read_text())["groups"][0]["rules"]
SCRAPE = yaml.safe_load((CHECKOUT / "deploy/prometheus/prometheus.yml").read_text())
NAME = re.compile(r"switchboard_\w+")
LABELS = re.compile(r'(?:by|on) \(([^)]*)\)|(\w+)(?:=~|!=|=|!~)"')
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


@pytest.fixture
def shown(api):
    """What `/metrics` shows."""
    answer = api().get("/metrics", REMOTE_ADDR="127.0.0.1")
    assert answer.status_code == 200
    return Figures(answer.content.decode())


def samples(shown):
    """The names that a query may use."""
    suffixes = {"histogram": ("_bucket", "_sum", "_count")}
    return {name + suffix for name, kind in shown.kinds.items() for suffix in suffixes.get(kind, ("",))}


def labels():
    """The labels that a query may use, with those that Prometheus adds."""
    own = {label for figure in counting.figures.values() for label in figure.labels}
    return own | {"worker", "percentile", "le", "instance", "job"}


def queries():
    yield from ((f"dashboard: {panel['title']}", target["expr"]) for panel in PANELS for target in panel["targets"])
    yield from ((f"alert: {alert['alert']}", alert["expr"]) for alert in ALERTS)


def test_every_figure_is_explained_and_every_explained_one_is_there(shown):
    explained = re.findall(r"^\| `(switchboard_\w+)` \|", PAGE, re.MULTILINE)
    assert len(explained) == len(set(explained))
    assert set(explained) == set(shown.kinds)
    assert all(shown.helps.values())


def test_names_end_as_prometheus_wants_them(shown):
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in shown.kinds.items())
    assert not [name for name in shown.kinds if re.search(r"_(ms|milliseconds|minutes|kb|mb)\b", name)]


@pytest.mark.parametrize(("where", "query"), list(queries()))
def test_a_query_asks_for_what_there_is(shown, where, query):
    named = set(NAME.findall(query)) or {"up"}
    assert named <= samples(shown) | {"up"}, where
    used = {label.strip() for listed, single in LABELS.findall(query) for label in (listed.split(",") if listed else [single])}
    assert used <= labels(), where


def test_every_figure_is_on_the_dashboard(shown):
    drawn = {name for panel in PANELS for target in panel["targets"] for name in NAME.findall(target["expr"])}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in drawn} == set(shown.kinds)


def test_the_dashboard_can_be_imported_anywhere():
    assert DASHBOARD["uid"] == "switchboard"
    datasource, instance = DASHBOARD["templating"]["list"]
    assert (datasource["name"], datasource["type"], instance["name"]) == ("datasource", "datasource", "instance")
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in PANELS:
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(target["datasource"]["uid"] == "${datasource}" and 'instance=~"$instance"' in target["expr"] for target in panel["targets"])
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    taken = [(place["x"] + dx, place["y"] + dy) for place in places for dx in range(place["w"]) for dy in range(place["h"])]
    assert len(taken) == len(set(taken)), "panels lie on each other"


def test_every_alert_is_explained_and_says_whom_it_calls():
    explained = re.findall(r"^\| `(Switchboard\w+)` \|", PAGE, re.MULTILINE)
    assert explained == [alert["alert"] for alert in ALERTS]
    assert {alert["labels"]["severity"] for alert in ALERTS} == {"page", "ticket"}
    assert all(alert["annotations"]["summary"] for alert in ALERTS)


def test_prometheus_is_told_the_address_and_the_rules_that_there_are():
    [job] = SCRAPE["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    assert f'job="{job["job_name"]}"' in ALERTS[0]["expr"]
    assert [(CHECKOUT / "deploy/prometheus" / name).exists() for name in SCRAPE["rule_files"]] == [True]
