"""Plans as HTML: whole, static, and true to the draws."""

from __future__ import annotations

import numpy as np
import pytest
from support.fragments import static
from support.models import conv_net, forked, one

from glnn.layers.recurrent import LSTM
from glnn.layout.limits import Limits
from glnn.model import Model
from glnn.passes import optimize
from glnn.plan import Plan, make_plan
from glnn.show.views import plans


def lstm() -> Plan:
    rng = np.random.default_rng(0)
    weights = {"kernel": rng.normal(size=(3, 16)), "recurrent_kernel": rng.normal(size=(4, 16)), "bias": np.zeros(16)}
    graph = one(LSTM(4, return_sequences=True), (7, 3), **{k: v.astype(np.float32) for k, v in weights.items()})
    return make_plan(optimize(graph), {"x0": (2, 7, 3)}, Limits())


def chain() -> Plan:
    return make_plan(optimize(conv_net("a<b")), {"x": (1, 9, 7, 3)}, Limits())


@pytest.mark.parametrize("plan", [chain(), lstm()], ids=["chain", "lstm"])
def test_the_view_is_whole_and_tells_all(plan: Plan) -> None:
    text = plan._repr_html_()
    made = static(text)
    assert made.opened["svg"] == 1 and made.opened["pre"] == len(plan.programs)
    for draw in plan.draws:
        assert draw.kernel in text and draw.label in text
    header, rows = plans.draws_table(plan)
    assert len(rows) == len(plan.draws) and all(len(row) == len(header) for row in rows)
    assert len(plans.tensors_table(plan)[1]) == len(plan.inputs) + len(plan.made) + len(plan.outputs)


def test_edges_of_a_chain_and_of_a_fork() -> None:
    plan = chain()
    assert plans.edges(plan) == [(k - 1, k) for k in range(len(plan.draws))]
    fork = make_plan(optimize(forked()), {"a": (1, 4), "b": (1, 4)}, Limits())
    assert (-1, 0) in plans.edges(fork) and all(a < b for a, b in plans.edges(fork))


def test_a_repeat_has_its_bracket_and_what_it_carries_goes_on() -> None:
    plan = lstm()
    assert "x7</text>" in plans.graph_svg(plan)
    readers = {b for _, b in plans.edges(plan)}
    assert readers >= set(range(1, len(plan.draws))) - {k for k, d in enumerate(plan.draws) if not d.textures}
    turns = [row[5] for row in plans.draws_table(plan)[1]]
    assert "7" in turns and "1" in turns


def test_long_texts_are_named_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "TEXTS", 80_000)
    plan = chain()
    made = static(plan._repr_html_())
    assert 0 < made.opened["pre"] < len(plan.programs)
    key = list(plan.programs)[-1]
    assert f"plan.programs[&#x27;{key}&#x27;]" in plan._repr_html_()


def test_a_text_and_a_model_show_themselves() -> None:
    text = next(iter(chain().programs.values()))
    assert static(text._repr_html_()).opened["pre"] == 1
    model = Model(conv_net("a<b"))
    assert "a&lt;b" in model._repr_html_() and "a<b" not in model._repr_html_()
    assert static(model._repr_html_()).opened["table"] == 1
