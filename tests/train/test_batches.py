import pytest
import torch

from docbin_napari.train.dataset import WindowSampler, load_pairs
from docbin_napari.train.distributed import ALONE, Ranks
from docbin_napari.train.learning import Batches
from docbin_napari.train.train_config import TrainConfig, TrainingError


@pytest.fixture
def batches(collections):
    pairs = load_pairs([collections])

    def make(batch, ranks):
        config = TrainConfig((collections,), (collections,), "new", batch=batch, window=64)
        return Batches(WindowSampler(pairs, 64, {}, config.augment), config, "cpu", ranks)

    return make


class Exchange(Ranks):
    """The second of two processes; the first one prepares what a test lends to it."""

    lent = ()

    def exchange(self, windows):
        whole = [*type(self).lent.pop(0), windows]
        return [batch.chunk(self.size)[self.rank] for batch in whole]


def parts(batch):
    return batch.inputs, batch.truth, batch.ink


def test_two_processes_take_turns_and_get_their_halves(batches):
    alone = batches(4, ALONE)
    steps = [alone.of(step) for step in range(4)]
    Exchange.lent = [[part] for step in (0, 2) for part in parts(steps[step])]
    second = batches(4, Exchange(rank=1, size=2))
    for step in range(4):
        for share, whole in zip(parts(second.of(step)), parts(steps[step]), strict=True):
            torch.testing.assert_close(share, whole[2:], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    ("batch", "size", "fix"),
    [(6, 4, "--batch 4 or 8,"), (2, 3, "--batch 3,"), (16, 5, "--batch 15 or 20,")],
)
def test_a_batch_that_cannot_be_shared_names_those_that_can(batches, batch, size, fix):
    with pytest.raises(TrainingError, match=rf"{batch} windows .* {size} processes: use {fix}"):
        batches(batch, Ranks(size=size))
