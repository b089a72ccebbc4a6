"""What the launcher finds of a device."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.generator.domain.plan.devices import Device
from services.generator.triton.devices import attention, found, host_memory, parse_listing
from services.generator.triton.settings import TritonSettings


@pytest.mark.parametrize(
    ("listing", "device"),
    [
        ("NVIDIA H100 80GB HBM3, 81559\n", ("NVIDIA H100 80GB HBM3", 81559 << 20)),
        ("NVIDIA GeForce RTX 4090, 24564\nNVIDIA GeForce RTX 4090, 24564\n", ("NVIDIA GeForce RTX 4090", 24564 << 20)),
        ("NVIDIA GB10, [N/A]\n", None),
        ("No devices were found\n", None),
        ("", None),
    ],
)
def test_the_first_device_of_nvidia_smis_listing(listing: str, device: tuple[str, int] | None) -> None:
    assert parse_listing(listing) == device


def test_a_processor_is_told_with_the_memory_of_its_machine(tmp_path: Path) -> None:
    device = Device.parse(found(TritonSettings(home=tmp_path, device="cpu", threads=3)))
    assert (device.kind, device.name, device.threads, device.attention) == ("cpu", "cpu", 3, "native")
    assert device.memory == device.host_memory == host_memory() > 1 << 28
    limited = Device.parse(found(TritonSettings(home=tmp_path, device="cpu", memory=1 << 28)))
    assert (limited.memory, limited.host_memory) == (1 << 28, device.memory)
    assert device.rates.flops == 3 * Device("cpu", "cpu", 1, 1).rates.flops


@pytest.mark.parametrize(
    ("packages", "name", "backend"),
    [
        ([], "NVIDIA H100", "_native_cudnn"),
        (["flash_attn"], "NVIDIA H100", "flash"),
        (["flash_attn", "flash_attn_interface"], "NVIDIA H100", "_flash_3"),
        (["flash_attn", "flash_attn_interface"], "NVIDIA A100", "flash"),
        (["sageattention"], "NVIDIA A100", "sage"),
    ],
)
def test_the_fastest_attention_that_is_installed(tmp_path: Path, packages: list[str], name: str, backend: str) -> None:
    for package in packages:
        (tmp_path / "lib" / "python3.11" / "site-packages" / package).mkdir(parents=True)
    assert attention(name, tmp_path) == backend
