"""Whether HTML is whole: every element that is opened is closed, in order."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"img", "meta", "br", "input"}


class Whole(HTMLParser):
    """Raises AssertionError where elements do not nest; `opened` counts them by name."""

    def __init__(self, text: str):
        super().__init__()
        self.stack: list[str] = []
        self.opened: dict[str, int] = {}
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.stack == [], f"left open: {self.stack}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened[tag] = self.opened.get(tag, 0) + 1
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened[tag] = self.opened.get(tag, 0) + 1
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack and self.stack.pop() == tag, f"</{tag}> closes something else"

    @property
    def files(self) -> list[str]:
        """Addresses that the fragment would fetch: none may be."""
        places = [v for _, a in self.attributes for k, v in a.items() if k in ("src", "href") and v]
        return [place for place in places if not place.startswith("data:")]


def static(text: str) -> Whole:
    """The fragment, if it is whole, fetches nothing, has no script, and all its boxes are closed."""
    made = Whole(text)
    assert made.files == [] and "script" not in made.opened
    assert [a for tag, a in made.attributes if tag == "details" and "open" in a] == []
    return made
