import logging

import numpy as np

from docbin_napari.train.dataset import LoadedPair, warn_of_overlap


def a_page(name, pixels):
    return LoadedPair(name, "letters", pixels, np.zeros((*pixels.shape[:2], 2), np.uint8), None)


def test_a_page_that_judges_and_is_learnt_from_is_named(caplog):
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, 300, 400, 3), dtype=np.uint8)
    learn = [a_page("letters/1", first), a_page("letters/2", second), a_page("letters/3", second)]
    with caplog.at_level(logging.WARNING):
        warn_of_overlap(
            learn, [a_page("held/1", first[:, :200]), a_page("held/9", 255 - second[::-1])]
        )
    (record,) = caplog.records
    assert "letters/1 is learnt from" in record.message
    assert "held/1" in record.message
