"""A curve has the answers that `/predict` gives, value by value."""

import httpx
import pytest

from pricerange.phone import FEATURES

PATH = "/predict/curve"
Phone = dict[str, float]


@pytest.mark.parametrize("feature", ["ram", "mobile_wt", "wifi"])
def test_each_point_is_what_predict_answers(client: httpx.Client, phone: Phone, feature: str) -> None:
    answer = client.post(PATH, json={"phone": phone, "feature": feature}).raise_for_status().json()
    plain = client.post("/predict", json=phone).json()
    assert {name: answer[name] for name in plain} == plain
    assert (answer["feature"], answer["value"], answer["active"]) == (feature, phone[feature], True)
    curve = answer["curve"]
    assert len(curve) == (2 if feature == "wifi" else 50)
    for point in curve[::7]:
        other = client.post("/predict", json={**phone, feature: point["value"]}).raise_for_status().json()
        assert point == {
            "value": point["value"],
            "price_range": other["price_range"],
            "probabilities": other["probabilities"],
            "in_range": other["applicability"]["in_range"],
        }


def test_whole_numbers_stay_whole_and_distinct(client: httpx.Client, phone: Phone) -> None:
    body = {"phone": phone, "feature": "n_cores", "points": 500}
    values = [point["value"] for point in client.post(PATH, json=body).json()["curve"]]
    assert values == list(range(1, 9))
    body = {"phone": phone, "feature": "n_cores", "points": 500, "within": "physical_limits"}
    values = [point["value"] for point in client.post(PATH, json=body).json()["curve"]]
    assert values == list(range(1, 257))
    for feature in FEATURES:
        body = {"phone": phone, "feature": feature.name, "points": 9, "within": "physical_limits"}
        values = [point["value"] for point in client.post(PATH, json=body).raise_for_status().json()["curve"]]
        assert feature.low <= min(values) < max(values) <= feature.high
        assert sorted(set(values)) == values


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        pytest.param({"feature": "rum"}, "/feature", id="unknown feature"),
        pytest.param({"points": 1}, "/points", id="too few points"),
        pytest.param({"points": 501}, "/points", id="too many points"),
        pytest.param({"points": 7.5}, "/points", id="half a point"),
        pytest.param({"within": "reason"}, "/within", id="unknown limits"),
        pytest.param({"phone": {}}, "/phone/battery_power", id="no phone"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(
    client: httpx.Client, phone: Phone, more: dict[str, object], pointer: str
) -> None:
    refused = client.post(PATH, json={"phone": phone, "feature": "ram", **more})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer
