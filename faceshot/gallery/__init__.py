"""What landmarks look like to the model, per domain: kept, derived, edited, imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.gallery.appearance import Gallery as Gallery
    from faceshot.gallery.appearance import build_gallery as build_gallery
    from faceshot.gallery.appearance import check_gallery as check_gallery
    from faceshot.gallery.appearance import contact_sheet as contact_sheet
    from faceshot.gallery.appearance import own_domains as own_domains
    from faceshot.gallery.derive import obtain_all as obtain_all
    from faceshot.gallery.edit import add_domain as add_domain
    from faceshot.gallery.edit import remove_domain as remove_domain
    from faceshot.gallery.features import feature_cache as feature_cache
    from faceshot.gallery.store import Domain as Domain
    from faceshot.gallery.store import default_galleries as default_galleries
    from faceshot.gallery.store import domain_folders as domain_folders
    from faceshot.gallery.store import find_domain as find_domain
    from faceshot.gallery.store import gallery_folder as gallery_folder
    from faceshot.gallery.store import gallery_names as gallery_names
    from faceshot.gallery.store import list_domains as list_domains
    from faceshot.gallery.swap import swapped as swapped
    from faceshot.gallery.upstream import import_gallery as import_gallery

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "appearance": "Gallery build_gallery check_gallery contact_sheet own_domains",
        "derive": "obtain_all",
        "features": "feature_cache",
        "edit": "add_domain remove_domain",
        "store": "Domain default_galleries domain_folders find_domain gallery_folder gallery_names list_domains",
        "swap": "swapped",
        "upstream": "import_gallery",
    },
)
