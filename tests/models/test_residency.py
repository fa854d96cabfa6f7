"""Networks that come and go; graphs that fall back where there is no GPU, and are exact where there is one."""

from __future__ import annotations

import logging

import pytest
import torch

from faceshot.models.graph import KEEP, Graphed
from faceshot.models.residency import Resident, Stay
from tests.tiny_networks import tiny_adapter, tiny_unet


class Counted:
    def __init__(self) -> None:
        self.loads = 0

    def __call__(self) -> torch.nn.Module:
        self.loads += 1
        return torch.nn.Linear(1, 1)


@pytest.mark.parametrize(
    ("stay", "loads", "between"),
    [("keep", 1, True), ("park", 1, True), ("session", 2, False), ("drop", 2, False)],
)
def test_what_happens_between_uses(stay: Stay, loads: int, between: bool) -> None:
    load = Counted()
    resident = Resident(load, device="cpu", stay=stay)
    assert not resident.loaded and load.loads == 0  # nothing before the first use
    with resident.use() as network:
        assert isinstance(network, torch.nn.Linear) and resident.loaded
    assert resident.loaded == between
    with resident.use():
        pass
    assert load.loads == loads


def test_nested_uses_load_once_and_free_waits_for_the_end() -> None:
    load = Counted()
    resident = Resident(load, device="cpu", stay="drop")
    with resident.use():
        with resident.use():
            pass
        resident.free()
        assert resident.loaded
    assert load.loads == 1 and not resident.loaded


@pytest.mark.parametrize(
    ("stay", "loads", "between", "after"),
    [("keep", 1, True, True), ("park", 1, True, True), ("session", 1, True, False), ("drop", 2, False, False)],
)
def test_a_session_loads_once_and_gives_back_at_its_end(stay: Stay, loads: int, between: bool, after: bool) -> None:
    load = Counted()
    resident = Resident(load, device="cpu", stay=stay)
    with resident.session():
        assert load.loads == 0  # nothing before the first use
        with resident.session(), resident.use():
            pass
        assert resident.loaded == between  # the inner session's end is not the end
        with resident.use():
            pass
    assert load.loads == loads and resident.loaded == after


@pytest.mark.parametrize("stay", ["keep", "park", "session", "drop"])
def test_a_session_without_a_use_loads_nothing_and_a_failed_one_ends(stay: Stay) -> None:
    load = Counted()
    resident = Resident(load, device="cpu", stay=stay)
    with pytest.raises(ValueError), resident.session():
        raise ValueError
    assert load.loads == 0 and not resident.loaded
    with resident.use():
        with resident.session():
            pass
        assert resident.loaded  # a session that ends within a use leaves it alone


def test_a_failed_use_ends_the_stay_too() -> None:
    resident = Resident(Counted(), device="cpu", stay="drop")
    with pytest.raises(ValueError), resident.use():
        raise ValueError
    assert not resident.loaded


def test_parked_networks_leave_the_device() -> None:
    """The meta device stands for a GPU: what is moved there and back is seen."""
    places = []

    class Network:
        def to(self, device: str) -> None:
            places.append(device)

    with Resident(Network, device="meta", stay="park").use():
        assert places == ["meta"]
    assert places == ["meta", "cpu"]


def call(unet: object, batch: int = 1, layer: str | None = None) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    z, text = torch.randn(batch, 48, 16, 16, generator=generator), torch.randn(batch, 3, 8, generator=generator)
    with torch.no_grad():
        if layer is None:
            return unet(z, 21, text, added_cond_kwargs=None, return_dict=False)[0]  # type: ignore[operator]
        return unet(z, 21, text, layer=layer)[0]  # type: ignore[operator]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here, so graphs work")
def test_without_a_gpu_the_network_runs_as_it_is_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    unet = tiny_unet()
    graphed = Graphed(unet)
    with caplog.at_level(logging.WARNING, "faceshot"):
        for _ in range(3):
            assert torch.equal(call(graphed), call(unet))
            assert torch.equal(call(graphed, 2), call(unet, 2))
    assert caplog.text.count("CUDA graphs do not work here") == 1
    assert call(graphed, layer="up_blocks.1").shape == (1, 8, 16, 16)


def test_the_first_call_of_a_shape_records_nothing() -> None:
    graphed = Graphed(tiny_unet())
    for batch in range(1, KEEP + 4):
        call(graphed, batch)
    assert 1 <= len(graphed._graphs) <= KEEP and not any(graphed._graphs.values())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_replayed_graph_is_the_network() -> None:
    from faceshot.models.image_prompt import adapter_scale, install_adapter

    unet = tiny_unet()
    install_adapter(unet, tiny_adapter(unet, 5))
    unet.to("cuda")
    graphed = Graphed(unet)
    for step in range(4):
        z, text = torch.randn(2, 48, 16, 16, device="cuda"), torch.randn(2, 3, 8, device="cuda")
        added = {"image_embeds": [torch.randn(2, 1, 5, device="cuda")]}
        for scale in (0.0, 1.0):
            adapter_scale(unet, scale)
            graphed.variant = scale
            with torch.no_grad():
                theirs = unet(z, 1 + 20 * step, text, added_cond_kwargs=added, return_dict=False)[0]
                ours = graphed(z, 1 + 20 * step, text, added)[0]
                layer = graphed(z, 1 + 20 * step, text, added, layer="up_blocks.1")[0]
            assert torch.allclose(ours, theirs, atol=1e-4) and layer.isfinite().all()
    assert any(graphed._graphs.values())
