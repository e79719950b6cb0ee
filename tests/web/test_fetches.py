"""Another form of fetches in a page: exported on demand, where the variant has it, with the bits of the usual one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.replays import Exported, different_bits, export
from support.small_net import X, model

import glnn
from glnn.errors import InputError

FORMS = {
    "webgl2": "texelFetch", "webgl2-4": "texelFetch", "webgl2-half": "texelFetch", "webgl1": "texture2D",
    "webgl1-rgba8": "texture2D",
}  # fmt: skip


def forms(exported: Exported) -> dict[str, str]:
    """How all texts of each variant fetch."""
    made = {}
    for variant in exported.manifest["variants"]:
        texts = [p["fragment"] for p in json.loads((exported.folder / variant["plan"]["file"]).read_text())["programs"]]
        (made[variant["name"]],) = {text.split("#define FETCH2(s, at) ")[1].split("(")[0] for text in texts}
    return made


def test_a_page_replays_a_plan_with_another_form_of_fetches(site: tuple[Path, str], new_page: Callable) -> None:
    net, x, page = model(), X[:1], new_page()
    usual = export(net, "fetch", x, *site)
    net.export_web(site[0] / "texel", input_shape=x.shape, fetch="texelFetch")
    (site[0] / "texel" / "input.bin").write_bytes(x.tobytes())
    other = Exported(net, site[0] / "texel", site[1], x)
    assert forms(other) == FORMS and forms(usual) == FORMS | dict.fromkeys(list(FORMS)[:3], "texture")
    for variant in ("webgl2", "webgl2-half", "webgl1"):
        outputs = []
        for exported in (usual, other):
            exported.open(page, variant=variant)
            outputs.append(exported.in_page(page).outputs)
        assert different_bits(*outputs) == 0 and np.isfinite(outputs[0]["d"]).all()
    assert different_bits(outputs[1], usual.in_python("webgl1").outputs) == 0


def test_other_forms_are_refused(tmp_path: Path) -> None:
    for wrong in ("texture2D", "fast", ""):
        with pytest.raises(InputError, match="fetch: .*: WebGL2 has texture, texelFetch"):
            model().export_web(tmp_path / "site", input_shape=X[:1].shape, fetch=wrong)
    with pytest.raises(InputError, match="fetch"):
        glnn.web.export_web(model().graph, None, tmp_path / "site", {"x": X[:1].shape}, fetch=2)  # type: ignore[arg-type]
