"""A network of gpu_networks in torch: the same calls and weights, in a memory format; eager, or in a CUDA graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from gpu_networks import EPSILON, Network

ACTIVATIONS: dict[str, Any] = {
    "linear": lambda x: x, "relu": F.relu_, "relu6": lambda x: F.hardtanh_(x, 0, 6), "gelu": F.gelu
}  # fmt: skip


def full_precision() -> None:
    """float32 is float32, and convolutions are chosen by trial."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True


class TorchNetwork:
    """Runs a network on a device: `last` for channels_last memory."""

    def __init__(self, net: Network, device: str, last: bool):
        self.net, self.device, self.last = net, device, last
        self.images = len(net.shape) == 3
        self.weights = [self._prepared(op, weights) for op, _, _, _, weights in net.calls]

    def _prepared(self, op: str, weights: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
        made = {}
        for name, array in weights.items():
            tensor = torch.from_numpy(array)
            if op in ("conv", "depthwise") and array.ndim == 4:
                tensor = tensor.permute(3, 2, 0, 1) if op == "conv" else tensor.permute(2, 3, 0, 1)
                tensor = tensor.contiguous(memory_format=torch.channels_last if self.last else torch.contiguous_format)
            elif op == "dense" and array.ndim == 2:
                tensor = tensor.T.contiguous()
            made[name] = tensor.to(self.device)
        if op == "attention":  # one product for all three, as torch.nn.MultiheadAttention has it
            width, names = made["attention_output/bias"].shape[0], ("query", "key", "value")
            made["in_w"] = torch.cat([made[f"{n}/kernel"].reshape(width, width).T for n in names]).contiguous()
            made["in_b"] = torch.cat([made[f"{n}/bias"].reshape(width) for n in names])
            made["out_w"] = made["attention_output/kernel"].reshape(width, width).T.contiguous()
        return made

    def upload(self, x: np.ndarray) -> torch.Tensor:
        """An input, (N, H, W, C) or (N, tokens, width), on the device in this memory format."""
        tensor = torch.from_numpy(x).to(self.device)
        if not self.images:
            return tensor
        tensor = tensor.permute(0, 3, 1, 2)  # which is channels_last as it lies
        return tensor if self.last else tensor.contiguous()

    def download(self, y: torch.Tensor) -> np.ndarray:
        """An output as glnn gives it."""
        return np.asarray((y.permute(0, 2, 3, 1) if y.ndim == 4 else y).cpu().numpy())

    @torch.inference_mode()
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        made = {0: x}
        for (op, number, reads, options, _), w in zip(self.net.calls, self.weights, strict=True):
            made[number] = self._run(op, [made[k] for k in reads], options, w)
        return made[number]

    def _run(self, op: str, xs: list[torch.Tensor], options: dict[str, Any], w: dict[str, torch.Tensor]) -> Any:
        x, act = xs[0], ACTIVATIONS[options.get("act", "linear")]
        if op in ("conv", "depthwise"):
            kernel = w["kernel" if op == "conv" else "depthwise_kernel"]
            groups = 1 if op == "conv" else kernel.shape[0]
            return act(F.conv2d(x, kernel, w["bias"], options["stride"], options["kernel"] // 2, 1, groups))
        if op == "dense":
            return act(F.linear(x, w["kernel"], w["bias"]))
        if op == "instance":
            return F.instance_norm(x, weight=w["gamma"], bias=w["beta"], eps=EPSILON)
        if op == "layer":
            return F.layer_norm(x, x.shape[-1:], w["gamma"], w["beta"], EPSILON)
        if op == "attention":
            n, tokens, width = x.shape
            q, k, v = F.linear(x, w["in_w"], w["in_b"]).view(n, tokens, 3, options["heads"], -1).permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, tokens, width)
            return F.linear(y, w["out_w"], w["attention_output/bias"])
        plain: dict[str, Any] = {
            "add": lambda: xs[0] + xs[1], "relu": lambda: F.relu_(x), "tanh": lambda: torch.tanh(x),
            "mean": lambda: x.mean((2, 3)), "maxpool": lambda: F.max_pool2d(x, 3, 2, 1),
            "upsample": lambda: F.interpolate(x, scale_factor=2, mode="nearest"),
        }  # fmt: skip
        return plain[op]()


class CudaGraph:
    """A network captured in a CUDA graph for one input."""

    def __init__(self, network: TorchNetwork, x: torch.Tensor):
        self.x = x.clone(memory_format=torch.preserve_format)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                network(self.x)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.y = network(self.x)

    def __call__(self) -> torch.Tensor:
        """Runs it on what its input holds."""
        self.graph.replay()
        return self.y
