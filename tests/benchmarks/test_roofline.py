from torch import nn

from docbin_napari.model.engine import Device
from roofline import measure_roofline, network_cost, share_cells


def test_operations_and_traffic_of_a_convolution():
    """4 × 3 × 3 × 3 products and sums a pixel; 3 numbers read and 4 written, of 2 bytes each."""
    cost = network_cost(nn.Conv2d(3, 4, 3, padding=1, bias=False), itemsize=2)
    assert (cost.operations, cost.traffic) == (2 * 4 * 27, 2 * 7)


def test_a_transposed_convolution_counts_too():
    doubled = nn.Sequential(nn.Conv2d(3, 4, 2, 2), nn.ConvTranspose2d(4, 1, 2, 2))
    cost = network_cost(doubled, itemsize=4)
    assert cost.operations == 2 * (4 * 3 * 4 + 4 * 4) / 4
    assert cost.traffic == 4 * (3 + 4 / 4 + 4 / 4 + 1)


def test_nothing_is_measured_or_printed_on_a_cpu():
    assert measure_roofline("general-1", Device("cpu", "float32", "asked for")) is None
    assert share_cells(None, 1e6) == []
