"""Where pictures were read before `glnn.image`; kept for those who import from here."""

from .image import as_text as as_text
from .image import read_image as read_image
