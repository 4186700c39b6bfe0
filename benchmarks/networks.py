"""Speed of networks of several shapes with random weights: python benchmarks/networks.py."""

from __future__ import annotations

import argparse
import copy
import statistics
from pathlib import Path

import torch

from docbin_napari.model.engine import Device, choose_device
from docbin_napari.model.unet import UNet, UNetConfig, count_parameters
from hardware import hardware
from records import Journal, figure, print_header, print_row
from timing import times

SHAPES = {
    "full-16": UNetConfig(fold=1, channels=(16, 32, 64, 96, 128)),
    "fold2-32": UNetConfig(fold=2, channels=(32, 64, 96, 128)),
    "fold2-32-deep": UNetConfig(fold=2, channels=(32, 64, 96, 128, 160), page_ink=True),
    "fold2-48": UNetConfig(fold=2, channels=(48, 64, 96, 128)),
    "fold2-64": UNetConfig(fold=2, channels=(64, 96, 128, 192)),
    "fold4-64": UNetConfig(fold=4, channels=(64, 96, 128)),
}


def main() -> None:
    """Time every shape and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--window", type=int, default=768)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--csv", type=Path, help="append the figures to this file")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    settings = f"windows of {arguments.window}², training on 8 of 256²"
    print(f"{hardware(device)}; {settings}\n")
    print_header(["network", "channels", "parameters", "inference Mpix/s", "training Mpix/s"])
    journal = Journal(arguments.csv, "networks", hardware(device), settings)
    for name, config in SHAPES.items():
        network = UNet(config)
        shape = f"{config.fold}×{config.fold}: {', '.join(map(str, config.channels))}"
        cells = [name, shape, f"{count_parameters(network) / 1e6:.2f} M"]
        for kind, measure in (("inference", inference_rates), ("training", training_rates)):
            rates = measure(network, device, arguments)
            journal.add(name, kind, "Mpix/s", rates)
            cells.append(figure(statistics.median(rates)))
        print_row(cells)


def inference_rates(network: UNet, device: Device, arguments: argparse.Namespace) -> list[float]:
    """Mpix/s of one pass, batch norms folded."""
    ready = copy.deepcopy(network).fold_norms().move(device.name, device.torch_dtype)
    pixels = torch.randn(1, 3, arguments.window, arguments.window)
    pixels = pixels.to(device.name, device.torch_dtype).to(memory_format=torch.channels_last)

    def once() -> None:
        with torch.inference_mode():
            ready(pixels).float().sum().item()

    return [pixels[0, 0].numel() / taken / 1e6 for taken in times(once, arguments.repeat)]


def training_rates(network: UNet, device: Device, arguments: argparse.Namespace) -> list[float]:
    """Mpix/s of forward and backward under autocast."""
    network.move(device.name).train()
    pixels = torch.randn(8, 3, 256, 256, device=device.name)
    pixels = pixels.to(memory_format=torch.channels_last)

    def once() -> None:
        with torch.autocast(device.name, torch.bfloat16, enabled=device.dtype == "bfloat16"):
            logits = network(pixels)
        logits.float().square().mean().backward()
        network.zero_grad()

    return [8 * 256**2 / taken / 1e6 for taken in times(once, arguments.repeat)]


if __name__ == "__main__":
    main()
