"""Batch norm over the windows of all processes.

Strategy: PyTorch's own norm of this kind runs on CUDA only. Here PyTorch's fast kernels do
the work per pixel, and only a few numbers for each channel travel. Forward: mean and variance
of each process are combined (Chan et al. 1979), and windows are normalised with them as in
evaluation. Backward: the kernel of evaluation gives the gradient as if these statistics were
constants; the way through them (Ioffe and Szegedy 2015, arXiv:1502.03167) adds to each pixel
a function of its channel that is linear in its value. All processes have equally many windows.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F


def synchronise_norms(network: nn.Module) -> None:
    """Replace the batch norms of a network by ones over all processes, in place.

    Parameters
    ----------
    network : Module
        Keeps its parameters, so that an optimizer still knows them.
    """
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, _synced(child))


def _synced(norm: nn.BatchNorm2d) -> nn.Module:
    if norm.weight.is_cuda:
        kept = nn.SyncBatchNorm.convert_sync_batchnorm(norm)  # type: ignore[no-untyped-call]
        return cast("nn.Module", kept)
    synced = SyncedNorm(norm.num_features, norm.eps)
    # Parameters and running statistics are taken over as they are, not copied.
    for name, value in [*norm.named_parameters(), *norm.named_buffers()]:
        setattr(synced, name, value)
    return synced


class SyncedNorm(nn.BatchNorm2d):
    """Batch norm whose statistics in training are those of all processes."""

    momentum: float
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Normalise.

        Parameters
        ----------
        x : Tensor
            (N, C, H, W), float32 or bfloat16; N, H and W are the same in all processes.

        Returns
        -------
        Tensor
            Like `x`.
        """
        if not self.training:
            return super().forward(x)
        outcome = _Normalise.apply(x, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        normalised, mean, variance = cast("tuple[Tensor, Tensor, Tensor]", outcome)
        count = x.numel() // self.num_features * dist.get_world_size()
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
            self.num_batches_tracked.add_(1)
        return normalised


class _Normalise(torch.autograd.Function):
    """The norm itself, with the statistics that it used."""

    @staticmethod
    def forward(
        context: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        unused = torch.zeros_like(weight), torch.ones_like(weight)
        own = torch.stack(torch.batch_norm_update_stats(x, *unused, 0.0))
        every = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(every, own)
        means, variances = torch.stack(every, dim=1)
        mean = means.mean(0)
        variance = variances.mean(0) + means.var(0, correction=0)
        context.save_for_backward(x, weight, mean, variance)
        context.eps = eps
        context.mark_non_differentiable(mean, variance)
        return F.batch_norm(x, mean, variance, weight, bias, eps=eps), mean, variance

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, variance = context.saved_tensors
        direct, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], x, weight, mean, variance, None, None, False, context.eps, [True] * 3
        )
        sums = torch.stack([of_weight, of_bias])
        dist.all_reduce(sums)
        per_weight, per_bias = sums * (len(weight) / (x.numel() * dist.get_world_size()))
        scale = torch.rsqrt(variance + context.eps)
        slope = -weight * scale**2 * per_weight
        offset = -weight * scale * per_bias - slope * mean
        through = torch.addcmul(offset[:, None, None], slope[:, None, None], x)
        return through.add_(direct).to(x.dtype), of_weight, of_bias, None
