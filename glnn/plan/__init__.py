"""Graph + input shapes + limits -> Plan: draws, texture slots, shader texts. Plain data, no OpenGL."""

from .plan import Plan, TensorPlan, make_plan
from .steps import Count, Draw, Move, Repeat
from .weights import WeightPlan, WeightStore

__all__ = ["Count", "Draw", "Move", "Plan", "Repeat", "TensorPlan", "WeightPlan", "WeightStore", "make_plan"]
