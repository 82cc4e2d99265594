"""Where values lie on a slider."""

import pytest
from playwright.sync_api import Page

_ROUND = """async () => {
  const { featuresOf } = await import('./page/phone/features.js');
  const { Scale } = await import('./page/phone/scale.js');
  const [api, model] = await Promise.all(
    ['openapi.json', 'model'].map(async (path) => (await fetch(path)).json()));
  return featuresOf(api, model).filter((each) => each.kind !== 'yes/no').map((feature) => {
    const scale = new Scale(feature);
    const shares = Array.from({ length: 201 }, (_, each) => each / 200);
    const values = shares.map((share) => scale.valueAt(share));
    return { feature, values, shares: values.map((value) => scale.shareOf(value)), step: scale.step,
             band: [scale.shareOf(feature.learned.low), scale.shareOf(feature.learned.high)] };
  });
}"""


def test_a_slider_reaches_both_limits_and_never_turns_back(page: Page) -> None:
    scales = page.evaluate(_ROUND)
    assert len(scales) == 14
    for scale in scales:
        feature, values, shares = scale["feature"], scale["values"], scale["shares"]
        assert (values[0], values[-1]) == (feature["low"], feature["high"])
        assert values == sorted(values)
        assert shares == sorted(shares)
        assert (shares[0], shares[-1]) == pytest.approx((0, 1))
        if feature["kind"] == "whole number":
            assert all(float(value).is_integer() for value in values)


def test_what_was_learned_takes_most_of_a_slider(page: Page) -> None:
    for scale in page.evaluate(_ROUND):
        begin, end = scale["band"]
        assert end - begin >= 0.7
        # within it, a value comes back but for the rounding to a step
        learned = scale["feature"]["learned"]
        per_share = (learned["high"] - learned["low"]) / (end - begin)
        for place, share in enumerate(scale["shares"]):
            if begin < place / 200 < end:
                assert abs(share - place / 200) * per_share <= scale["step"]
