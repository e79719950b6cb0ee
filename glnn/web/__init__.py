"""What a browser needs to run a model: an exported folder, and the runner that replays its plans."""

from .export import VARIANTS, export_web
from .serve import serve

__all__ = ["VARIANTS", "export_web", "serve"]
