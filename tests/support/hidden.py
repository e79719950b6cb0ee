"""A page in a tab behind another one: its timers go off once a second, as a user's do who looks elsewhere.

Playwright tells every page that it has the focus, so that none would ever be hidden: here pages are opened and asked by
Chromium's own protocol.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser


class Tab:
    """A tab that can be hidden. Made by `tab`."""

    def __init__(self, browser: Browser):
        self._session = browser.new_browser_cdp_session()
        self._answers: dict[int, dict[str, Any]] = {}
        self._session.on("Target.receivedMessageFromTarget", self._heard)
        self._waiting = browser.new_page()  # whose waiting lets answers arrive
        self._target = self._open()
        attached = self._session.send("Target.attachToTarget", {"targetId": self._target, "flatten": False})
        self._id, self._asked = attached["sessionId"], 0
        self._others: list[str] = []

    def _open(self) -> str:
        return self._session.send("Target.createTarget", {"url": "about:blank"})["targetId"]

    def _heard(self, event: dict[str, Any]) -> None:
        answer = json.loads(event["message"])
        if "id" in answer:
            self._answers[answer["id"]] = answer

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        self._asked += 1
        message = json.dumps({"id": self._asked, "method": method, "params": params})
        self._session.send("Target.sendMessageToTarget", {"sessionId": self._id, "message": message})
        while self._asked not in self._answers:
            self._waiting.wait_for_timeout(5)
        return self._answers[self._asked]["result"]

    def goto(self, url: str) -> None:
        """Opens a page, and waits until it is there."""
        self._send("Page.navigate", url=url)
        while self.evaluate("[location.href, document.readyState].join()") != f"{url},complete":
            self._waiting.wait_for_timeout(5)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        answer = self._send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def hide(self) -> None:
        """Opens another tab in front."""
        self._others.append(self._open())
        self._session.send("Target.activateTarget", {"targetId": self._others[-1]})
        while self.evaluate("document.visibilityState") != "hidden":
            self._waiting.wait_for_timeout(5)

    def close(self) -> None:
        """Closes the tab and those in front of it."""
        for target in (self._target, *self._others):
            self._session.send("Target.closeTarget", {"targetId": target})
        self._waiting.close()
        self._session.detach()


@contextmanager
def tab(browser: Browser) -> Iterator[Tab]:
    """A new tab of a browser that was launched with hiding=True; closed at the end."""
    made = Tab(browser)
    try:
        yield made
    finally:
        made.close()
