"""The folder of an export: which may be written into, and in what order its files come and go."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..small_files import read_small
from .page import PAGE

CONTENT = re.compile(
    r"[0-9a-f]{20}\.(bin|json|png|jpg|webp|gif)"
)  # names of the files that are named by what is in them


def checked_folder(folder: str | os.PathLike[str], force: bool) -> Path:
    """The folder of an export: new, empty, an earlier export's, or any with `force`. Raises InputError."""
    place = Path(folder).expanduser()
    try:
        above = next(path for path in (place, *place.absolute().parents) if path.exists())
        if not above.is_dir():
            raise InputError(f"folder {place}: {above} is a file. Give a new or an empty folder")
        held = sorted(path.name for path in place.iterdir()) if place.exists() else []
    except OSError as error:
        raise InputError(f"folder {place}: {error.strerror or error}. Give a folder that can be written") from error
    if not os.access(above, os.W_OK | os.X_OK):
        raise InputError(f"folder {place}: {above} is not yours to write. Give a folder that can be written")
    held = [name for name in held if not name.startswith(".")]
    if held and not force and earlier(place) is None and not broken_off(held):
        more = " and more" if len(held) > 3 else ""
        raise InputError(
            f"folder {place}: holds {', '.join(held[:3])}{more}, which is no export of glnn. "
            "Give a new or an empty folder, or force=True (--force) to write among these files"
        )
    return place


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Writes the files and removes those of an earlier export that are no longer named. Raises InputError.

    The folder is one export, the earlier one or this, or it has no manifest and the page says that it is none: what an
    earlier manifest does not know (its files bear other names) comes first, the manifest goes before files that it
    goes with are replaced, and the new one comes last.
    """
    manifest, partial = folder / "manifest.json", folder / ".manifest.json.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        old = named(folder)
        for name in sorted(files.keys() - {*PAGE, manifest.name}):
            (folder / name).write_bytes(files[name])
        manifest.unlink(missing_ok=True)
        for name in PAGE:
            (folder / name).write_bytes(files[name])
        partial.write_bytes(files[manifest.name])
        partial.replace(manifest)
        for name in old - files.keys():
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        why = f"{error.filename or folder}: {error.strerror or error}"
        raise InputError(f"folder {folder}: {why}. The export is not whole: do it again where it fits") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return folder


def broken_off(held: Sequence[str]) -> bool:
    """Whether these names are what an export leaves that was interrupted before its manifest."""
    content = [name for name in held if CONTENT.fullmatch(name)]
    return bool(content) and set(held) - set(content) <= set(PAGE)


def earlier(folder: Path) -> dict[str, Any] | None:
    """The manifest of an export in a folder; None where there is none of glnn's."""
    try:
        manifest = json.loads(read_small(folder / "manifest.json"))
        ours = isinstance(manifest["version"], int) and "shards" in manifest["weights"] and "variants" in manifest
        return manifest if ours else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def named(folder: Path) -> set[str]:
    """The content files that the manifest in a folder names; none where there is no manifest of glnn."""
    try:
        manifest = earlier(folder) or {"weights": {"shards": []}, "variants": []}
        items = [*manifest["weights"]["shards"], *(variant["plan"] for variant in manifest["variants"])]
        check = manifest.get("check") or {"inputs": [], "golden": {}}
        items += [*check["inputs"], *check["golden"].values()]
        page = manifest.get("page") or {"text": None, "examples": []}
        items += [item for item in (page["text"], *page["examples"]) if item and "file" in item]
        return {item["file"] for item in items if CONTENT.fullmatch(item["file"])}
    except (KeyError, TypeError, AttributeError):
        return set()
