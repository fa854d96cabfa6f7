"""The networks of the MOFA-Video backend: published names, reference outputs, and what is computed once."""

from __future__ import annotations

import importlib.util
import json
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import AttnProcessor2_0

from faceshot_mofa.nets.cmp import CMP, MAX_FLOW, SIZE, bin_centres, expectation, resize_flow, resize_image
from faceshot_mofa.nets.controlnet import STRIDES, Conditioning, ControlNetConfig, LandmarkControlNet, Residuals
from faceshot_mofa.nets.legacy import set_temporal_context
from faceshot_mofa.nets.unet import MotionUNet, add_residuals

TINY = ControlNetConfig((32, 64, 128, 128), heads=(1, 2, 2, 4), context=48, time_ids=32)
TINY_UNET = {
    "block_out_channels": (32, 64, 128, 128),
    "num_attention_heads": (1, 2, 4, 4),
    "cross_attention_dim": 48,
    "addition_time_embed_dim": 32,
    "projection_class_embeddings_input_dim": 96,
    "num_frames": 4,
}


@pytest.fixture(scope="module")
def standin(shared) -> ModuleType:
    spec = importlib.util.spec_from_file_location("standin_weights", shared / "parity" / "weights.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def mofa(shared):
    return shared / "parity" / "mofa"


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def enlarge(x: torch.Tensor, *size: int) -> torch.Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def names_and_shapes(net: torch.nn.Module, prefix: str = "") -> dict[str, list[int]]:
    return {prefix + name: list(value.shape) for name, value in net.state_dict().items()}


@pytest.mark.parametrize(
    ("contract", "build", "prefix"),
    [
        ("cmp", CMP, "module."),
        ("ldmk_controlnet_full", LandmarkControlNet, ""),
        ("flow_controlnet_tiny", lambda: LandmarkControlNet(TINY), ""),
        ("svd_unet_full", MotionUNet.build, ""),
        ("svd_unet_tiny", lambda: MotionUNet.build(TINY_UNET), ""),
    ],
)
def test_names_and_shapes_are_the_published_ones(mofa, contract, build, prefix) -> None:
    expected = json.loads((mofa / f"{contract}.contract.json").read_text())
    with torch.device("meta"):
        net = build()
    assert names_and_shapes(net, prefix) == {name: entry["shape"] for name, entry in expected.items()}


def test_heads_differ_between_the_two_networks() -> None:
    """The same shapes, so that nothing but this tells a wrong number."""
    with torch.device("meta"):
        control, unet = LandmarkControlNet(), MotionUNet.build()
    heads = [[block.attentions[0].num_attention_heads for block in net.down_blocks[:3]] for net in (control, unet)]
    assert heads == [[5, 10, 10], [5, 10, 20]]
    assert [net.mid_block.attentions[0].num_attention_heads for net in (control, unet)] == [20, 20]


def test_tiny_configurations_are_read_from_their_fields(mofa) -> None:
    config = json.loads((mofa / "tiny_configs.json").read_text())
    assert ControlNetConfig.from_dict(config["controlnet"]) == TINY
    assert {key: value for key, value in config["unet"].items() if key in TINY_UNET} == {
        key: list(value) if isinstance(value, tuple) else value for key, value in TINY_UNET.items()
    }


# ---- CMP -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cmp(standin, mofa) -> CMP:
    net = CMP()
    weights = standin.make_state_dict(mofa / "cmp.contract.json")
    net.load_state_dict({name.removeprefix("module."): value for name, value in weights.items()}, strict=True)
    return net


@pytest.fixture(scope="module")
def motion(standin, mofa) -> SimpleNamespace:
    """The input of the CMP reference: a picture, the flow of its points, their mask."""
    marks = np.load(mofa / "landmarks.golden.npz")
    return SimpleNamespace(
        image=enlarge(standin.make_input("cmp.image", (1, 3, 24, 24)).sigmoid(), SIZE, SIZE),
        flow=torch.from_numpy(marks["sq_flow384"]),
        mask=torch.from_numpy(marks["sq_mask384"])[None].float(),
    )


@pytest.fixture(scope="module")
def cmp_results(cmp, motion) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        seen: list[torch.Tensor] = []
        hook = cmp.image_encoder.layer1.register_forward_hook(lambda module, given, out: seen.append(out))
        encoded = cmp.encode_image(motion.image)
        hook.remove()
        logits = cmp.logits(encoded, motion.flow[4:], motion.mask)
        sharp = F.interpolate(expectation(20 * logits), size=(SIZE, SIZE), mode="bilinear", align_corners=True)
        return {
            "flow_sub6": cmp.decode(encoded, motion.flow[4:], motion.mask)[..., ::6, ::6],
            "logits_sub12": logits[..., ::12, ::12],
            "flow_from_20x_logits_sub6": sharp[..., ::6, ::6],
            "sparse_enc": cmp.flow_encoder(torch.cat([motion.flow[4:], motion.mask], 1)),
            "img_enc_sub": encoded.features[:, ::4, ::4, ::4],
            "layer1_sub": seen[0][:, ::8, ::8, ::8],
            "bin_centres": bin_centres(),
        }


CMP_KEYS = [
    "flow_sub6",
    "logits_sub12",
    "flow_from_20x_logits_sub6",
    "sparse_enc",
    "img_enc_sub",
    "layer1_sub",
    "bin_centres",
]


@pytest.mark.parametrize("key", CMP_KEYS)
def test_cmp_reproduces_its_reference(mofa, cmp_results, key) -> None:
    expected = torch.from_numpy(np.load(mofa / "cmp.golden.npz")[key])
    torch.testing.assert_close(cmp_results[key], expected, rtol=0, atol=1e-4)


def test_no_reference_of_cmp_is_left_out(mofa) -> None:
    assert set(CMP_KEYS) == set(np.load(mofa / "cmp.golden.npz").files)


def test_cmp_sees_the_picture_once_and_every_frame_once(cmp, motion) -> None:
    """On a quarter of the picture, for speed: the network takes any size."""
    image, flow, mask = motion.image[..., :96, :96], motion.flow[2:5, :, 200:296, 150:246], motion.mask[..., :96, :96]
    cmp.counts.clear()
    result = cmp.decode(cmp.encode_image(image), flow, mask, chunk=1)
    assert cmp.counts == {"image_encoder": 1, "decoder": 3}
    cmp.counts.clear()
    assert torch.equal(cmp(image, flow, mask), result)
    assert cmp.counts == {"image_encoder": 3, "decoder": 3}
    together = cmp.decode(cmp.encode_image(image), flow, mask, chunk=2)
    torch.testing.assert_close(together, result, rtol=0, atol=1e-4)
    assert (result[0] - result[2]).abs().max() > 1e-3


def test_flow_saturates_where_the_bins_end() -> None:
    sure = torch.full((1, 198, 1, 1), -1e4)
    sure[0, 98], sure[0, 99] = 1e4, 1e4
    torch.testing.assert_close(expectation(sure).flatten(), torch.tensor([MAX_FLOW, -MAX_FLOW]), rtol=0, atol=1e-4)
    assert pytest.approx(49.495, abs=1e-3) == MAX_FLOW


def test_pictures_and_flow_are_resized_by_the_nearest_pixel() -> None:
    picture = torch.arange(4.0).view(1, 1, 2, 2)
    large = resize_image(picture)
    assert large.shape[-2:] == (SIZE, SIZE) and set(large.unique().tolist()) == {0, 1, 2, 3}
    assert large[0, 0, :, 191].tolist() == [0] * 192 + [2] * 192
    flow = torch.randn(2, 2, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    wide = resize_flow(flow, 192, 768)
    assert wide.shape == (2, 2, 192, 768)
    assert torch.equal(wide[:, 0, :, ::2], 2 * flow[:, 0, ::2]) and torch.equal(
        wide[:, 1, :, 1::2], flow[:, 1, ::2] / 2
    )


# ---- ControlNet and U-Net ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nets(standin, mofa) -> SimpleNamespace:
    control, unet = LandmarkControlNet(TINY), MotionUNet.build(TINY_UNET)
    control.load_state_dict(standin.make_state_dict(mofa / "flow_controlnet_tiny.contract.json"), strict=True)
    unet.load_state_dict(standin.make_state_dict(mofa / "svd_unet_tiny.contract.json"), strict=True)
    return SimpleNamespace(control=control, unet=unet)


@pytest.fixture(scope="module")
def clip(standin) -> SimpleNamespace:
    """The input of the reference: 4 frames of 128 x 192, both guidance halves."""
    make = standin.make_input
    embedding = make("mofa.ehs", (1, 1, 48))
    step = (
        make("mofa.sample", (2, 4, 8, 16, 24)),
        1.2345,
        torch.cat([torch.zeros_like(embedding), embedding]),
        torch.tensor([[6, 128, 0.02]]).repeat(2, 1),
    )
    return SimpleNamespace(
        step=step,
        half=(step[0][1:], step[1], step[2][1:], step[3][1:]),
        video=(
            make("mofa.cond", (1, 3, 128, 192)).tanh(),
            enlarge(12 * make("mofa.flow", (3, 2, 8, 12)), 128, 192),
            make("mofa.ldmk", (1, 4, 3, 128, 192))[0].sigmoid(),
        ),
    )


@pytest.fixture(scope="module")
def conditioning(nets, clip) -> Conditioning:
    with torch.no_grad():
        return nets.control.prepare(*clip.video)


@pytest.fixture(scope="module")
def residuals(nets, clip, conditioning) -> Residuals:
    with torch.no_grad():
        return nets.control.step(*clip.step, conditioning)


@pytest.fixture(scope="module")
def results(standin, nets, clip, conditioning, residuals) -> dict[str, torch.Tensor]:
    from faceshot_mofa.nets.splat import splat_average

    control, unet = nets.control, nets.unet
    picture, flow, pose = clip.video
    splat_flow = 3 * standin.make_input("mofa.splatflow", (1, 2, 24, 32))
    splat_flow[..., 0, 0] = 0
    splat_flow[0, :, 5] = torch.tensor([2.0, -1.0])[:, None]
    with torch.no_grad():
        out = {f"down_{i:02d}": residual for i, residual in enumerate(residuals.down)}
        out |= {f"occ_{s}": conditioning.masks[i][None, 1:].expand(2, -1, -1, -1, -1) for i, s in enumerate(STRIDES)}
        out |= {
            "mid": residuals.mid,
            "unet_out": unet(*clip.step, residuals),
            "unet_zero_residuals": unet(*clip.step),
            "splat_out": splat_average(standin.make_input("mofa.splat", (1, 3, 24, 32)), splat_flow),
            "warped_scale8_sub": control.warp(control.encode_appearance(picture), flow, 0)[0][None, :, ::8],
            "ldmk_embed_sub": control.embed_landmarks(pose)[:, ::8],
        }
        for net in (control, unet):
            set_temporal_context(net, "upstream")
        mixed = control.step(*clip.step, conditioning)
        out |= {"legacy_mid": mixed.mid, "legacy_unet_out": unet(*clip.step, mixed)}
        for net in (control, unet):
            set_temporal_context(net, "corrected")
    return out


KEYS = [
    *(f"down_{i:02d}" for i in range(12)),
    *("mid", "occ_8", "occ_16", "occ_32", "occ_64", "unet_out", "unet_zero_residuals", "splat_out"),
    *("warped_scale8_sub", "ldmk_embed_sub", "legacy_unet_out", "legacy_mid"),
]


@pytest.mark.parametrize("key", KEYS)
def test_controlnet_and_unet_reproduce_their_reference(mofa, results, key) -> None:
    expected, found = torch.from_numpy(np.load(mofa / "controlnet_unet_tiny.golden.npz")[key]), results[key]
    if key.startswith("down") and found.shape[-1] > 11:
        found = found[:, ::4]  # stored so for maps wider than 11
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-4)


def test_no_reference_is_left_out(mofa) -> None:
    assert set(KEYS) == set(np.load(mofa / "controlnet_unet_tiny.golden.npz").files)


def test_what_the_step_does_not_change_is_computed_once(nets, clip) -> None:
    """Three steps: encoders once per video and frame; without the cache once per step and guidance half."""
    control = nets.control
    control.counts.clear()
    prepared = control.prepare(*clip.video)
    cached = [control.step(clip.step[0], t, *clip.step[2:], prepared) for t in (1.5, 0.5, -1.0)]
    assert control.counts == {"appearance": 1, "landmarks": 4, "warp": 3, "step": 6}
    control.counts.clear()
    plain = [control(clip.step[0], t, *clip.step[2:], *clip.video) for t in (1.5, 0.5, -1.0)]
    assert control.counts == {"appearance": 6, "landmarks": 24, "warp": 18, "step": 6}
    for ours, theirs in zip(cached, plain, strict=True):
        assert all(torch.equal(a, b) for a, b in zip([*ours.down, ours.mid], [*theirs.down, theirs.mid], strict=True))


def close(a: Conditioning, b: Conditioning) -> bool:
    pairs = zip(a.added + a.masks, b.added + b.masks, strict=True)
    return all(x.shape == y.shape and torch.allclose(x, y, rtol=0, atol=1e-5) for x, y in pairs)


def test_a_conditioning_in_pieces_is_the_whole(nets, clip, conditioning) -> None:
    control, (picture, flow, pose) = nets.control, clip.video
    appearance = control.encode_appearance(picture)
    first = control.encode_first(appearance, pose[:1])
    tail = control.encode_frames(appearance, flow[2:], pose[3:])
    middle = control.encode_frames(appearance, flow[:2], pose[1:3], chunk=1)
    assert (len(conditioning), len(first), len(tail)) == (4, 1, 1)
    assert close(Conditioning.cat([first, middle, tail]), conditioning)
    assert close(conditioning.select([0, 3]), Conditioning.cat([first, tail]))
    assert close(conditioning.select(torch.tensor([0])), control.prepare(picture, flow[:0], pose[:1]))
    half = conditioning.to(torch.float16)
    assert {x.dtype for x in half.added + half.masks} == {torch.float16}


def test_guidance_halves_may_run_one_after_the_other(nets, clip, conditioning, residuals) -> None:
    alone = nets.control.step(*clip.half, conditioning)
    torch.testing.assert_close(alone.mid, residuals.mid[4:], rtol=0, atol=1e-4)
    both, half = nets.unet(*clip.step, residuals), nets.unet(*clip.half, alone)
    torch.testing.assert_close(half[0], both[1], rtol=0, atol=1e-4)


def test_items_of_a_batch_may_have_their_own_conditioning(nets, clip, conditioning, residuals) -> None:
    other = nets.control.prepare(-clip.video[0], -clip.video[1], 1 - clip.video[2])
    mixed = nets.control.step(*clip.step, [other, conditioning])
    torch.testing.assert_close(mixed.mid[4:], residuals.mid[4:], rtol=0, atol=1e-4)
    assert (mixed.mid[:4] - residuals.mid[:4]).abs().max() > 0.1


def test_the_scale_scales_every_residual(nets, clip, conditioning, residuals) -> None:
    half = nets.control.step(*clip.step, conditioning, scale=0.5)
    for a, b in zip([*half.down, half.mid], [*residuals.down, residuals.mid], strict=True):
        torch.testing.assert_close(a, b / 2)


def test_residuals_of_a_level_count_once_for_every_level_from_it_on() -> None:
    ones = [torch.ones(1)] * 12
    levels = [[torch.zeros(1)] * n for n in (4, 3, 3, 2)]
    added = add_residuals(levels, Residuals(tuple(ones), torch.ones(1)))
    assert [int(value) for value in added] == [4, 4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1]


def test_without_residuals_it_is_the_library_s_unet(nets, clip) -> None:
    from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel

    stock = UNetSpatioTemporalConditionModel(**TINY_UNET).eval()
    stock.load_state_dict(nets.unet.state_dict(), strict=True)
    nets.unet.calls = 0
    torch.testing.assert_close(nets.unet(*clip.step), stock(*clip.step).sample, rtol=0, atol=1e-5)
    assert nets.unet.calls == 2


def test_attention_to_one_token_needs_no_query(nets, clip, conditioning, residuals) -> None:
    copies = LandmarkControlNet(TINY), MotionUNet.build(TINY_UNET)
    for copy, net in zip(copies, (nets.control, nets.unet), strict=True):
        copy.load_state_dict(net.state_dict())
        attentions = [module for name, module in copy.named_modules() if name.endswith("attn2")]
        assert attentions and all(module.processor.__class__.__name__ == "SingleKeyProcessor" for module in attentions)
        for module in attentions:
            module.set_processor(AttnProcessor2_0())
    torch.testing.assert_close(copies[0].step(*clip.step, conditioning).mid, residuals.mid, rtol=0, atol=1e-4)
    torch.testing.assert_close(copies[1](*clip.step), nets.unet(*clip.step), rtol=0, atol=1e-4)


def test_feed_forward_in_parts_is_the_whole(nets) -> None:
    layer = nets.unet.down_blocks[0].attentions[0].transformer_blocks[0].ff
    hidden, seen = torch.randn(5, 7, 32), []
    whole = layer(hidden)
    hook = layer.net[0].register_forward_hook(lambda module, given, out: seen.append(out.shape[0] * out.shape[1]))
    try:
        layer.tokens = 14
        torch.testing.assert_close(layer(hidden), whole, rtol=0, atol=1e-5)
        layer.tokens = 3  # less than a row has
        torch.testing.assert_close(layer(hidden), whole, rtol=0, atol=1e-5)
    finally:
        hook.remove()
        del layer.tokens
    assert seen == [14, 14, 7] + [7] * 5


def test_two_tokens_are_attended_to_as_ever(nets) -> None:
    attention = nets.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2
    hidden, context = torch.randn(2, 5, 32), torch.randn(2, 2, 48)
    expected = AttnProcessor2_0()(attention, hidden, context)
    assert torch.equal(attention(hidden, encoder_hidden_states=context), expected)


def test_the_old_temporal_context_matters_for_two_halves_only(nets, clip, conditioning, residuals) -> None:
    alone = nets.unet(*clip.half)
    try:
        for net in (nets.control, nets.unet):
            set_temporal_context(net, "upstream")
            set_temporal_context(net, "upstream")  # once more changes nothing
        assert torch.equal(nets.unet(*clip.half), alone)
        assert (nets.control.step(*clip.step, conditioning).mid - residuals.mid).abs().max() > 0.01
    finally:
        for net in (nets.control, nets.unet):
            set_temporal_context(net, "corrected")
    assert torch.equal(nets.control.step(*clip.step, conditioning).mid, residuals.mid)


def test_half_precision_is_the_same_up_to_its_rounding(nets, clip, conditioning, residuals) -> None:
    control, unet = LandmarkControlNet(TINY), MotionUNet.build(TINY_UNET)
    control.load_state_dict(nets.control.state_dict())
    unet.load_state_dict(nets.unet.state_dict())
    control, unet = control.bfloat16(), unet.bfloat16()
    sample, step, context, ids = clip.step
    prepared = control.prepare(*clip.video)
    assert {x.dtype for x in prepared.added} == {torch.bfloat16}
    given = (sample.bfloat16(), step, context.bfloat16(), ids)
    found = control.step(*given, prepared)
    out = unet(*given, found)
    for a, b in ((found.mid, residuals.mid), (out, nets.unet(*clip.step, residuals))):
        assert a.dtype == torch.bfloat16
        assert torch.corrcoef(torch.stack([a.float().flatten(), b.flatten()]))[0, 1] > 0.999


def test_one_frame_is_a_video_too(nets, clip) -> None:
    picture, flow, pose = clip.video
    prepared = nets.control.prepare(picture, flow[:0], pose[:1])
    sample, *rest = clip.step
    out = nets.unet(sample[:, :1], *rest, nets.control.step(sample[:, :1], *rest, prepared))
    assert out.shape == (2, 1, 4, 16, 24) and out.isfinite().all()


def test_inputs_that_do_not_fit_are_refused(nets, clip, conditioning) -> None:
    picture, flow, pose = clip.video
    with pytest.raises(ValueError, match="multiples of 64"):
        nets.control.encode_appearance(picture[..., :-8])
    appearance = nets.control.encode_appearance(picture)
    with pytest.raises(ValueError, match="does not go with pose pictures"):
        nets.control.encode_frames(appearance, flow, pose)
    with pytest.raises(ValueError, match="conditioning of"):
        nets.control.step(*clip.step, conditioning.select([0, 1]))


@pytest.mark.gpu
def test_half_precision_on_a_gpu_is_the_same_up_to_its_rounding(nets, clip, residuals) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    control, unet = LandmarkControlNet(TINY), MotionUNet.build(TINY_UNET)
    control.load_state_dict(nets.control.state_dict())
    unet.load_state_dict(nets.unet.state_dict())
    control, unet = control.to("cuda", torch.float16), unet.to("cuda", torch.float16)
    sample, step, context, ids = clip.step
    given = (sample.cuda().half(), step, context.cuda().half(), ids.cuda())
    prepared = control.prepare(*(x.cuda() for x in clip.video))
    found = control.step(*given, prepared)
    again = control.step(*given, control.prepare(*(x.cuda() for x in clip.video)))
    assert torch.equal(found.mid, again.mid)
    for a, b in ((found.mid, residuals.mid), (unet(*given, found), nets.unet(*clip.step, residuals))):
        assert torch.corrcoef(torch.stack([a.cpu().float().flatten(), b.flatten()]))[0, 1] > 0.999
