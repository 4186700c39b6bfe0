from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from docbin_napari.drawing.objects import OBJECTS, Scene
from docbin_napari.drawing.surroundings import EDGES, GROUNDS, Surroundings, make_ground, surround
from docbin_napari.drawing.text import Box

SHAPE = (300, 240)
BOOK = Surroundings(margins=(0.0, 0.0, 0.3, 0.1), leaves=(0.0, 0.0, 0.25, 0.0))


def drawn(around, seed=0):
    return surround(np.random.default_rng(seed), SHAPE, around, rotation=0.0)


def test_the_page_lies_inside_its_margins():
    _, share = drawn(BOOK)
    assert share[:240, :130].min() == 1
    assert share[:, 170:].max() == 0
    assert share[285:].max() == 0


def test_leaf_edges_run_along_the_side_and_vary_across_it():
    scene, _ = drawn(replace(BOOK, cockle=0.0, contrast=0.9))
    block = scene[40:200, 165:215].mean(axis=2)
    along, across = np.abs(np.diff(block, axis=0)).mean(), np.abs(np.diff(block, axis=1)).mean()
    assert across > 2 * along
    middle = block.mean(axis=0)
    gaps = (middle[1:-1] < middle[:-2]) & (middle[1:-1] < middle[2:])
    assert gaps.sum() >= 5


def test_cockled_leaves_sway():
    def sway(cockle):
        block = drawn(replace(BOOK, cockle=cockle, contrast=0.9))[0][20:220, 165:215].mean(axis=2)
        rows = block - block.mean(axis=1, keepdims=True)
        return np.corrcoef(rows[0], rows[-1])[0, 1]

    assert sway(12.0) < sway(0.0) - 0.3


@pytest.mark.parametrize("edges", sorted(set(EDGES)))
def test_edges_have_their_colour(edges):
    scene, _ = drawn(replace(BOOK, edges=edges))
    red, _, blue = scene[40:200, 165:210].mean(axis=(0, 1))
    assert np.isfinite(scene).all()
    if edges == "red":
        assert red > 1.8 * blue
    if edges == "blue":
        assert blue > 0.9 * red


@pytest.mark.parametrize("kind", GROUNDS)
def test_grounds_have_texture_around_their_colour(kind):
    light = make_ground(np.random.default_rng(1), SHAPE, kind, (0.5, 0.4, 0.3))
    assert light.shape == (*SHAPE, 3)
    np.testing.assert_allclose(np.median(light, axis=(0, 1)), (0.5, 0.4, 0.3), rtol=0.2)
    assert light[..., 0].std() > 0.002


def test_long_leaves_are_as_many_as_they_should_be():
    around = Surroundings(margins=(0.05, 0.02, 0.05, 0.02), strips=3)
    _, share = drawn(around)
    column = share[:, 60] > 0.5
    assert (np.diff(column.astype(int)) == 1).sum() == 3
    boxes = around.boxes(SHAPE)
    assert len(boxes) == 3
    for box in boxes:
        middle = share[int(box.top + 0.2 * box.height) : int(box.bottom - 0.2 * box.height)]
        assert middle[:, 60:66].min() == 1


@pytest.mark.parametrize("name", OBJECTS)
def test_things_are_laid_and_say_what_they_cover(name):
    covered = 0.0
    for seed in range(4):
        before = np.full((*SHAPE, 3), 0.5, np.float32)
        scene = Scene(before.copy(), Box(40, 40, 180, 250))
        OBJECTS[name](np.random.default_rng(seed), scene)
        assert np.isfinite(scene.light).all()
        changed = np.abs(scene.light - before).max(axis=2) > 0.2
        assert scene.covered[changed].mean() > 0.3 if changed.any() else True
        covered += scene.covered.mean()
    assert covered > 0
