"""One result on its way: a temporary name beside the final one, then the final name, and the way back."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from faceshot.output.stale import NEW, OLD, sign

#: How a file system says that it knows no hard links.
_NO_LINKS: Final = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV, errno.EMLINK, errno.EINVAL}


@dataclass(eq=False)
class Part:
    """A result that is being written.

    What has happened is read off the disk and not remembered, so that an interruption between any two steps is
    understood.

    Attributes:
        path: its final name. overwrite: whether something may be there.
        holder: the folder beside it that holds the new one, and the old one while that is replaced.
        made: folders that are made for it.
    """

    path: Path
    overwrite: bool
    holder: Path = field(init=False)
    made: list[Path] = field(init=False)
    begun: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        # Named before it is made: whenever an interruption comes, it is known what to remove.
        self.holder = self.path.parent / f".{self.path.name[:40]}.{uuid.uuid4().hex}.part"
        self.made = [parent for parent in self.path.parents if not parent.exists()]

    @property
    def new(self) -> Path:
        """The temporary name."""
        return self.holder / NEW / self.path.name

    @property
    def old(self) -> Path:
        """Where what is replaced waits until that is certain."""
        return self.holder / OLD / self.path.name

    def open(self, *, folder: bool) -> None:
        """Make the holder; with ``folder`` the result too."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.holder.mkdir(mode=0o700)
        sign(self.holder)
        (self.new if folder else self.new.parent).mkdir(parents=True)

    def place(self) -> None:
        """Give the result its final name.

        Raises:
            FileExistsError: something has appeared there, and nothing may be replaced. OSError: the disk refuses.
        """
        self.new.lstat()  # it must be there; without it the way back would take what is not ours
        self.begun = True
        folder = self.path.is_dir() and not self.path.is_symlink()
        if not os.path.lexists(self.path):
            _claim(self.new, self.path)
        elif folder and not any(self.path.iterdir()):
            self._aside()
            _claim(self.new, self.path)
        elif not self.overwrite:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.path))
        elif folder or self.new.is_dir():
            self._aside()
            _claim(self.new, self.path)
        else:
            self._link_aside()
            self.new.replace(self.path)

    def undo(self) -> None:
        """Take the result back and bring back what was there, wherever :meth:`place` has stopped."""
        if not self.begun:
            return
        if not os.path.lexists(self.new):
            self.path.rename(self.new)
        elif os.path.lexists(self.path) and self.new.samefile(self.path):
            self.path.unlink()
        self.restore()

    def restore(self) -> None:
        """Bring back what was moved aside, where nothing has taken its place."""
        if os.path.lexists(self.old) and not os.path.lexists(self.path):
            self.old.rename(self.path)

    def clear(self) -> None:
        """Remove all that is temporary; what is not back in its place stays in the holder."""
        try:
            self.restore()
        except OSError:
            return
        shutil.rmtree(self.holder, ignore_errors=True)

    def clear_folders(self) -> None:
        """Remove folders made for a result that did not come: they are empty."""
        with contextlib.suppress(OSError):
            for parent in self.made:
                parent.rmdir()

    def _aside(self) -> None:
        self.old.parent.mkdir(exist_ok=True)
        self.path.rename(self.old)

    def _link_aside(self) -> None:
        """A second name for what is replaced, so that it can come back; without links it is moved."""
        self.old.parent.mkdir(exist_ok=True)
        try:
            os.link(self.path, self.old, follow_symlinks=False)
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_LINKS:
                raise
            self.path.rename(self.old)


def _claim(new: Path, path: Path) -> None:
    """Name ``new`` ``path`` unless another process has taken the name a moment ago; one step, no look before."""
    if new.is_dir():
        new.rename(path)  # refuses any folder that is not empty, and files
        return
    try:
        os.link(new, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with path.open("xb"):
            pass
        new.replace(path)
        return
    new.unlink()


def commit(parts: list[Part]) -> None:
    """Give all results their final names, or none.

    Raises:
        As :meth:`Part.place`; an interruption counts as failure.
    """
    try:
        for part in parts:
            part.place()
    except BaseException:
        for part in reversed(parts):
            part.undo()
        raise
