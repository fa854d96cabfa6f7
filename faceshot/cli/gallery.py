"""``faceshot gallery``: the annotated example pictures that matching looks things up in."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceshot.cli.typed.options import Common, PresetFlag, with_common
from faceshot.errors import InputError

if TYPE_CHECKING:
    from faceshot.gallery import Domain
    from faceshot.matching import Doubt

gallery = typer.Typer(help="Look at and change appearance galleries.", no_args_is_help=True)

_Gallery = Annotated[str, typer.Option("--gallery", metavar="NAME|DIR", help="shipped, user, or a folder.")]
_Name = Annotated[str, typer.Argument(metavar="DOMAIN", help="One kind of character, e.g. cat.")]


def _amount(domain: Domain) -> str:
    return f"{len(domain.pictures)} pictures" if domain.pictures else "features only"


def _record(domain: Domain) -> dict[str, object]:
    return {
        "domain": domain.name,
        "gallery": domain.gallery,
        "pictures": len(domain.pictures),
        "folder": str(domain.folder),
    }


@gallery.command("list")
@with_common("quiet", "verbose", "as_json")
def list_(
    common: Common,
    gallery: Annotated[
        list[str] | None, typer.Option(metavar="NAME|DIR", help="Only this gallery (may be repeated).")
    ] = None,
) -> None:
    """List galleries and their domains."""
    from faceshot.gallery import gallery_names, list_domains

    domains = [domain for name in gallery or gallery_names() for domain in list_domains(name)]
    lines = [f"{domain.gallery}\t{domain.name}\t{_amount(domain)}" for domain in domains]
    common.give({"domains": [_record(domain) for domain in domains]}, lines)


@gallery.command()
@with_common("overwrite", "quiet", "verbose", "as_json")
def show(
    domain: _Name,
    common: Common,
    gallery: _Gallery = "shipped",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PICTURE", help="Also draw a contact sheet.")
    ] = None,
) -> None:
    """Show a domain: its pictures, their sizes, the parts they lack."""
    from faceshot.gallery import find_domain

    found = find_domain(domain, gallery)
    if output is not None:
        from faceshot.gallery import contact_sheet
        from faceshot.media import write_picture
        from faceshot.output import protecting

        with protecting(found.folder):
            write_picture(output, contact_sheet(found), overwrite=common.overwrite)
    pictures = [
        {
            "id": entry.id,
            "file": str(entry.path),
            "size": list(entry.landmarks.size),
            "absent": sorted(entry.landmarks.absent),
        }
        for entry in found.pictures
    ]
    lines = [
        f"{entry.path}\t{entry.landmarks.size.width}x{entry.landmarks.size.height}"
        f"\t{'without ' + ', '.join(sorted(entry.landmarks.absent)) if entry.landmarks.absent else 'all parts'}"
        for entry in found.pictures
    ]
    common.give({**_record(found), "entries": pictures}, lines)


@gallery.command()
@with_common("quiet", "verbose", "as_json")
def add(
    domain: _Name,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Pictures with a landmark file of the same name each.")],
    common: Common,
    gallery: _Gallery = "user",
) -> None:
    """Add annotated pictures as a new domain.

    Everything is checked before anything is written; what looks wrong about the annotations is said afterwards.
    """
    from faceshot.gallery import add_domain

    made = add_domain(domain, folder, gallery=gallery)
    doubts = _doubts(made, gallery)
    for doubt in doubts:
        common.say(f"look at {doubt.message}")
    if any(doubt.found for doubt in doubts):
        common.say(f"to see where: faceshot gallery review {domain} --gallery {gallery} -o FOLDER")
    common.give({**_record(made), "doubts": [doubt.told() for doubt in doubts]}, [str(made.folder)])


def _doubts(domain: Domain, gallery: str) -> list[Doubt]:
    """What the shipped gallery finds wrong about a domain, and which of its pictures the gallery has already."""
    from faceshot.gallery import domain_folders, find_domain
    from faceshot.matching import Matcher, review

    others = []
    for name in domain_folders(gallery):
        with suppress(InputError):  # a damaged neighbour is another matter: gallery check
            others += [find_domain(name, gallery)] if name != domain.name else []
    return review(domain, Matcher("mini", galleries=("shipped",)), others)


@gallery.command("review")
@with_common("overwrite", "quiet", "verbose", "as_json")
def review_(
    domain: _Name,
    common: Common,
    gallery: _Gallery = "user",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Also draw what is in doubt, into this folder.")
    ] = None,
) -> None:
    """Say which annotations of a domain look wrong.

    Points far from where the shipped gallery puts them, swapped sides, pictures that come twice. These are hints: of a
    kind that the gallery does not know it says nothing, or something wrong.
    """
    from faceshot.gallery import find_domain
    from faceshot.matching import draw_doubts
    from faceshot.media import read_picture, write_picture
    from faceshot.output import check_outputs, protecting, together

    found = find_domain(domain, gallery)
    if not found.pictures:
        raise InputError(f"domain {domain!r} of gallery {gallery} is features only; there are no pictures to review")
    files = {entry.id: output / f"{entry.id}.review.png" for entry in found.pictures} if output else {}
    check_outputs(list(files.values()), overwrite=common.overwrite)
    doubts = _doubts(found, gallery)
    doubtful = [entry for entry in found.pictures if files and any(doubt.picture == entry.id for doubt in doubts)]
    with protecting(found.folder), together(files.values()):
        for entry in doubtful:
            files[entry.id].parent.mkdir(parents=True, exist_ok=True)
            of_it = [doubt for doubt in doubts if doubt.picture == entry.id]
            picture = draw_doubts(read_picture(entry.path).flat(), entry.landmarks, of_it)
            write_picture(files[entry.id], picture, overwrite=common.overwrite)
    written = [str(files[entry.id]) for entry in doubtful]
    told = {"doubts": [doubt.told() for doubt in doubts], "drawn": written}
    common.give(told, [*(doubt.message for doubt in doubts), *written])
    common.say(f"{len(doubts)} things to look at" if doubts else f"nothing looks wrong about {domain}")


@gallery.command()
@with_common("quiet", "verbose", "as_json")
def remove(domain: _Name, common: Common, gallery: _Gallery = "user") -> None:
    """Delete a domain from a gallery of yours."""
    from faceshot.gallery import remove_domain

    gone = remove_domain(domain, gallery=gallery)
    common.give({"removed": str(gone)}, [str(gone)])


@gallery.command("import")
@with_common("overwrite", "quiet", "verbose", "as_json")
def import_(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="target_domains: PART/DOMAIN/diff_feature.pt and clip_feature.pt.")
    ],
    common: Common,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the new gallery.")],
    preset: Annotated[
        str, typer.Option(metavar="sd21|sd15|...", help="The model the features were made with; must be here.")
    ] = "sd21",
) -> None:
    """Import the features FaceShot's authors publish, as a gallery without pictures.

    Use it with: faceshot match PICTURE --gallery DIR --preset sd21
    """
    from faceshot.gallery import import_gallery

    made = import_gallery(folder, output, preset=preset, overwrite=common.overwrite)
    for domain, parts in made.partial.items():
        common.say(f"domain {domain} has {', '.join(parts)} only")
    common.say(f"{len(made.domains)} domains; use them with: --gallery {made.folder} --preset {preset}")
    common.give(
        {"gallery": str(made.folder), "preset": preset, "domains": list(made.domains), "partial": dict(made.partial)},
        [str(made.folder)],
    )


@gallery.command()
@with_common("device", "dtype", "low_vram", "offline", "cache_dir", "quiet", "verbose", "as_json")
def build(
    common: Common,
    gallery: _Gallery = "shipped",
    preset: PresetFlag = "mini",
    into: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the features here instead of the cache.")
    ] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Derive again what is there already.")] = False,
) -> None:
    """Derive a gallery's features now; otherwise this is done on first use.

    A build that was interrupted goes on where it stopped.
    """
    from faceshot.gallery import list_domains
    from faceshot.models import get_preset

    get_preset(preset)
    list_domains(gallery)
    from faceshot.features import FeatureExtractor
    from faceshot.gallery import build_gallery

    extractor = FeatureExtractor.from_preset(
        preset, device=common.device, dtype=common.dtype, offline=common.offline, low_vram=common.low_vram
    )
    written = build_gallery(gallery, extractor, cache_dir=common.cache_dir, into=into, anew=anew)
    common.give({"written": [str(path) for path in written]}, map(str, written))


@gallery.command()
@with_common("cache_dir", "quiet", "verbose", "as_json")
def check(common: Common, gallery: _Gallery = "shipped", preset: PresetFlag = "mini") -> None:
    """Check a gallery's files.

    Exit code 1 when something is unusable.
    """
    from dataclasses import asdict

    from faceshot.gallery import check_gallery
    from faceshot.models import get_preset, model_digest

    chosen = get_preset(preset)
    found = check_gallery(gallery, chosen, model_digest(chosen), cache_dir=common.cache_dir)
    errors = sum(finding.level == "error" for finding in found)
    common.give(
        {"errors": errors, "findings": [asdict(finding) for finding in found]},
        [f"{finding.level}\t{finding.domain}\t{finding.message}" for finding in found],
    )
    common.say(f"gallery {gallery}: {errors} errors" if errors else f"gallery {gallery} is usable")
    if errors:
        raise typer.Exit(1)
