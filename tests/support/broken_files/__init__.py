"""Files that are broken in a hundred ways, by name: each is made in a folder, and what to load comes back."""

from support.broken_files import configs, damaged, hdf5, others
from support.broken_files.table import BROKEN, WHOLE, archive, tfjs

__all__ = ["BROKEN", "WHOLE", "archive", "configs", "damaged", "hdf5", "others", "tfjs"]
