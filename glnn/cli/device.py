"""The device that the arguments ask for."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..device.device import Device


def wishes(args: Namespace) -> dict[str, Any]:
    """What the arguments ask of a Device, by the names of its own arguments; nothing that was not given."""
    index = args.device if args.device_index is None else args.device_index
    given = {"index": index, "profile": args.profile, "dialect": args.dialect, "precision": args.precision}
    given["stage"] = args.stage
    return {name: value for name, value in given.items() if value is not None}


@contextmanager
def wanted(args: Namespace) -> Iterator[Device | None]:
    """The device that the arguments ask for, closed afterwards; None where they ask for nothing."""
    if not wishes(args):
        yield None
        return
    from ..device.device import Device

    with Device(**wishes(args)) as device:
        yield device
