"""What backends with published networks do alike: say what is missing, load once, keep runs in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from faceshot.opencv import require_opencv
from faceshot.pipeline import AnimationOptions
from faceshot.rendering.files import found_files, missing_files

if TYPE_CHECKING:
    import torch


class NetworkBackend:
    """Loading of a :class:`faceshot.pipeline.Backend` whose weights are a group of the same name.

    Subclasses have ``name``, ``files`` and the two methods that raise here. Their options, a dataclass, have
    ``low_vram`` and ``work``.

    Args:
        networks: to use instead of the published weights.

    Attributes:
        files: that a run cannot do without, by a name: the end of the file's path.
    """

    name: str
    files: ClassVar[Mapping[str, str]]

    def __init__(self, networks: Any = None) -> None:
        self._networks, self._own = networks, networks is not None
        self._loaded: tuple[object, ...] = ()

    def requires(self) -> list[str]:
        """The weight files that are not here, each with its licence and the command that fetches it."""
        return [] if self._own else missing_files(self.name, self.files)

    def load(self, options: AnimationOptions) -> None:
        """Check the options and load the networks; never downloads.

        Raises:
            UsageError: unknown option or bad value. InputError: a weight file does not fit.
            MissingError: a weight file is absent; says which, where was looked, its licence and how to get it.
        """
        parsed = self._parse(options.extra)
        wanted = (options.device, options.dtype, parsed.low_vram)
        if self._own or (self._networks is not None and self._loaded == wanted):
            return
        files = found_files(self.name, self.files)
        require_opencv()
        from faceshot.models import pick_device, pick_dtype

        device = pick_device(options.device)
        dtype = pick_dtype(options.dtype, device, "vae")  # type: ignore[arg-type]
        self._networks = None  # make room first
        self._networks, self._loaded = self._read(files, device, dtype, parsed.low_vram), wanted

    def _ready(self, options: AnimationOptions) -> Any:
        """Loaded; the parsed options, with the folder for finished windows."""
        self.load(options)
        parsed = self._parse(options.extra)
        if parsed.work is None and options.cache_dir is not None:
            parsed = replace(parsed, work=options.cache_dir / self.name)
        return parsed

    def _parse(self, extra: Mapping[str, Any]) -> Any:
        raise NotImplementedError

    def _read(self, files: dict[str, Path], device: str, dtype: torch.dtype, low_vram: Any) -> Any:
        raise NotImplementedError
