import pytest
import torch

from docbin_napari.train.learning import ink_loss

INK = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
ALL = torch.ones_like(INK)


def test_a_sure_and_right_network_has_no_loss():
    assert ink_loss((INK * 2 - 1) * 30, INK, ALL, 0.5).item() == pytest.approx(0, abs=1e-6)


def test_a_sure_and_wrong_network_has_a_large_one():
    assert ink_loss((1 - INK * 2) * 30, INK, ALL, 0.5).item() > 20


def test_unlabelled_pixels_do_not_count():
    labelled = torch.tensor([[[[1.0, 1.0], [1.0, 0.0]]]])
    right = (INK * 2 - 1) * 30
    wrong_where_unlabelled = right.clone()
    wrong_where_unlabelled[..., 1, 1] = -30
    one = ink_loss(right, INK, labelled, 0.5)
    assert torch.equal(one, ink_loss(wrong_where_unlabelled, INK, labelled, 0.5))
    logits = torch.zeros_like(INK, requires_grad=True)
    ink_loss(logits, INK, labelled, 0.5).backward()
    assert logits.grad[..., 1, 1] == 0
    assert (logits.grad[0, 0].flatten()[:3] != 0).all()


def test_nothing_labelled_is_no_loss():
    assert ink_loss(torch.zeros_like(INK), INK, torch.zeros_like(INK), 0.5).item() == 0


def test_dice_rewards_finding_the_rare_class():
    ink = torch.zeros(1, 1, 10, 10)
    ink[..., 0, 0] = 1
    everything_paper = torch.full_like(ink, -4.0)
    without = ink_loss(everything_paper, ink, torch.ones_like(ink), 0.0)
    assert ink_loss(everything_paper, ink, torch.ones_like(ink), 1.0) > without + 0.3


def test_a_batch_in_two_processes_has_the_loss_of_the_whole():
    """Half of the windows have few labels: a mean of two ratios would be another loss."""
    torch.manual_seed(0)
    logits, ink = torch.randn(4, 1, 8, 8), torch.rand(4, 1, 8, 8).round()
    labelled = torch.ones_like(ink)
    labelled[2:, :, 1:] = 0
    halves = [(logits[part], ink[part], labelled[part], 0.5) for part in (slice(2), slice(2, 4))]
    sums = []

    def note(own):
        sums.append(own)
        return own

    apart = [ink_loss(*half, note) for half in halves]
    together = ink_loss(*halves[0], lambda _: sums[0] + sums[1])
    whole = ink_loss(logits, ink, labelled, 0.5)
    assert together.item() == pytest.approx(whole.item(), rel=1e-6)
    assert sum(apart).item() / 2 != pytest.approx(whole.item(), rel=1e-3)
