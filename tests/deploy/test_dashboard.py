"""The dashboard: what Grafana would complain of, or show badly."""

import json
from itertools import combinations
from pathlib import Path

import yaml

GRAFANA = Path(__file__).parents[2] / "deploy/grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards/pricerange.json").read_text())
PANELS = DASHBOARD["panels"]


def test_panels_have_numbers_of_their_own_and_say_what_they_show():
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert [panel["title"] for panel in PANELS if panel["type"] != "row" and not panel["description"]] == []


def test_panels_lie_beside_each_other_and_within_the_24_columns():
    places = [panel["gridPos"] for panel in PANELS]
    assert [place for place in places if place["x"] + place["w"] > 24] == []
    for one, other in combinations(places, 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )


def test_queries_go_where_the_variable_says_and_use_variables_that_there_are():
    names = {variable["name"] for variable in DASHBOARD["templating"]["list"]} | {"__rate_interval"}
    for panel in PANELS:
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${datasource}"
            used = {part.split('"')[0].split("]")[0] for part in target["expr"].split("$")[1:]}
            assert used <= names


def test_provisioning_names_the_folder_that_compose_mounts():
    [provider] = yaml.safe_load((GRAFANA / "provisioning/dashboards/pricerange.yml").read_text())["providers"]
    compose = yaml.safe_load((GRAFANA.parents[1] / "docker-compose.yml").read_text())
    mounted = [volume.split(":")[1] for volume in compose["services"]["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounted
