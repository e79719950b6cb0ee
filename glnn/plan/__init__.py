"""Graph + input shapes + limits -> Plan: draws, texture slots, shader texts. Plain data, no OpenGL."""

from .plan import Draw, Plan, TensorPlan, make_plan
from .weights import WeightPlan, WeightStore

__all__ = ["Draw", "Plan", "TensorPlan", "WeightPlan", "WeightStore", "make_plan"]
