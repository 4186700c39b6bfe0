import pytest
import torch
import torch.distributed as dist
from torch import nn

from docbin_napari.train.distributed import SyncedNorm, synchronise_norms


@pytest.fixture
def group():
    """A process group of this process alone: the formulas must be those of plain batch norm."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.fixture
def norms():
    torch.manual_seed(0)
    plain = nn.BatchNorm2d(5)
    nn.init.uniform_(plain.weight, 0.5, 2)
    nn.init.uniform_(plain.bias, -1, 1)
    network = nn.Sequential(nn.BatchNorm2d(5))
    network.load_state_dict({f"0.{name}": value for name, value in plain.state_dict().items()})
    synchronise_norms(network)
    return plain, network[0]


def outcome(norm, pixels, direction):
    pixels = pixels.clone().requires_grad_(True)
    normalised = norm(pixels)
    (normalised.float() * direction).sum().backward()
    return normalised, pixels.grad, norm.weight.grad, norm.bias.grad


def test_it_is_batch_norm_with_gradients_and_running_statistics(group, norms):
    plain, synced = norms
    pixels = 3 + 2 * torch.randn(4, 5, 6, 7).to(memory_format=torch.channels_last)
    direction = torch.randn(4, 5, 6, 7) + 0.5 * pixels
    for right, own in zip(
        outcome(plain, pixels, direction), outcome(synced, pixels, direction), strict=True
    ):
        torch.testing.assert_close(own, right, rtol=1e-5, atol=1e-5)
    for name, right in plain.state_dict().items():
        torch.testing.assert_close(synced.state_dict()[name], right, msg=name)


def test_it_keeps_bfloat16_as_batch_norm_does(group, norms):
    plain, synced = norms
    pixels = (3 + 2 * torch.randn(4, 5, 6, 7)).bfloat16()
    direction = torch.randn(4, 5, 6, 7)
    right, own = outcome(plain, pixels, direction), outcome(synced, pixels, direction)
    assert [value.dtype for value in own] == [value.dtype for value in right]
    for expected, value in zip(right, own, strict=True):
        torch.testing.assert_close(value, expected, rtol=2e-2, atol=2e-2)


def test_outside_training_it_needs_no_other_process(norms):
    plain, synced = (norm.eval() for norm in norms)
    pixels = torch.randn(2, 5, 4, 4)
    assert torch.equal(synced(pixels), plain(pixels))


def test_an_optimizer_still_knows_the_parameters():
    network = nn.Sequential(nn.Conv2d(3, 5, 1), nn.Sequential(nn.BatchNorm2d(5)))
    before = dict(network.state_dict(keep_vars=True))
    synchronise_norms(network)
    assert isinstance(network[1][0], SyncedNorm)
    after = dict(network.state_dict(keep_vars=True))
    assert before.keys() == after.keys()
    assert all(before[name] is after[name] for name in before)
