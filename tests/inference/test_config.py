import pytest

from docbin_napari.inference.inference_config import PRESETS, InferenceConfig, preset


def test_presets_cost_more_from_fast_to_best():
    costs = [(config.symmetries, config.overlap) for config in PRESETS.values()]
    assert costs == sorted(costs)
    assert list(PRESETS) == ["fast", "balanced", "best"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"window": 100}, "multiple of 32"),
        ({"window": 32}, "at least 64"),
        ({"overlap": 0.9}, "between 0 and 0.75"),
        ({"symmetries": 3}, "1, 2, 4 or 8"),
        ({"batch": -1}, "0 or more"),
        ({"tolerance": -0.1}, "between 0 and 1"),
        ({"edge_level": 1.5}, "edge_level must lie between 0 and 1"),
        ({"size": "quarter"}, "size must be auto, own, half or double"),
    ],
)
def test_values_out_of_range_are_refused(settings, reason):
    with pytest.raises(ValueError, match=reason):
        InferenceConfig(**settings)


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="fast, balanced, best"):
        preset("quick")
