"""Makes torch/*.onnx and their .npz: small seeded modules as both exporters of PyTorch write them.

    pip install torch onnx onnxscript onnxruntime transformers
    python tests/golden/make_torch.py [NAME...]

Each .npz holds the inputs by name, and what onnxruntime makes of them as out0, out1, ... Nothing is downloaded.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

FOLDER = Path(__file__).parent / "torch"  # what `tar cJf torch.tar.xz torch` then packs
MODELS: dict[str, Callable[[], tuple[nn.Module, dict[str, torch.Tensor]]]] = {}
DYNAMIC: dict[str, dict[str, dict[int, str]]] = {}


def model(dynamic: dict[str, dict[int, str]] | None = None) -> Any:
    """Decorator of a function that gives a module and its inputs by name; dynamic: axes that are exported free."""

    def add(make: Any) -> Any:
        MODELS[make.__name__] = make
        DYNAMIC[make.__name__] = dynamic or {}
        return make

    return add


def picture(batch: int = 1, size: int = 32, channels: int = 3) -> dict[str, torch.Tensor]:
    return {"x": torch.randn(batch, channels, size, size)}


def block(a: int, b: int, k: int = 3, s: int = 1, g: int = 1, act: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(a, b, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(b), act())


class Residual(nn.Module):
    def __init__(self, a: int, b: int, s: int):
        super().__init__()
        self.body = nn.Sequential(block(a, b, 3, s), nn.Conv2d(b, b, 3, padding=1, bias=False), nn.BatchNorm2d(b))
        self.skip = nn.Conv2d(a, b, 1, s) if s > 1 or a != b else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(x) + self.skip(x))


class Squeeze(nn.Module):
    """Squeeze and excitation, as in MobileNetV3 and EfficientNet."""

    def __init__(self, c: int, gate: Any):
        super().__init__()
        self.a, self.b, self.gate = nn.Conv2d(c, c // 2, 1), nn.Conv2d(c // 2, c, 1), gate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s = F.adaptive_avg_pool2d(x, 1)
        return x * self.gate(self.b(F.relu(self.a(s))))


def head(c: int, classes: int = 10) -> nn.Sequential:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(c, classes))


@model({"x": {0: "batch"}})
def resnet() -> Any:
    return nn.Sequential(
        block(3, 8, 7, 2), nn.MaxPool2d(3, 2, 1), Residual(8, 8, 1), Residual(8, 12, 2), head(12)
    ), picture(2)  # fmt: skip


@model()
def mobilenet_v3() -> Any:
    return nn.Sequential(
        block(3, 8, 3, 2, act=nn.Hardswish), block(8, 16, 1), block(16, 16, 5, 2, 16, nn.Hardswish),
        Squeeze(16, nn.Hardsigmoid()), nn.Conv2d(16, 8, 1), nn.BatchNorm2d(8), head(8),
    ), picture()  # fmt: skip


@model()
def efficientnet() -> Any:
    return nn.Sequential(
        block(3, 8, 3, 2, act=nn.SiLU), block(8, 24, 1, act=nn.SiLU), block(24, 24, 3, 1, 24, nn.SiLU),
        Squeeze(24, nn.Sigmoid()), nn.Conv2d(24, 12, 1), nn.BatchNorm2d(12), head(12),
    ), picture()  # fmt: skip


class Shuffle(nn.Module):
    """The unit of ShuffleNetV2: halves, a depthwise branch, channels shuffled by a reshape."""

    def __init__(self, c: int):
        super().__init__()
        h = c // 2
        self.body = nn.Sequential(block(h, h, 1), nn.Conv2d(h, h, 3, 1, 1, groups=h), nn.BatchNorm2d(h), block(h, h, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x.chunk(2, 1)
        y = torch.cat((a, self.body(b)), 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


@model({"x": {0: "batch"}})
def shufflenet() -> Any:
    return nn.Sequential(block(3, 16, 3, 2), Shuffle(16), Shuffle(16), head(16)), picture(2)


class Dense(nn.Module):
    """A block of DenseNet."""

    def __init__(self, c: int, growth: int, count: int):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(c + k * growth), nn.ReLU(), nn.Conv2d(c + k * growth, growth, 3, padding=1))
            for k in range(count)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = [x]
        for layer in self.layers:
            found.append(layer(torch.cat(found, 1)))
        return torch.cat(found, 1)


@model()
def densenet() -> Any:
    return nn.Sequential(block(3, 8, 3, 2), Dense(8, 4, 3), nn.Conv2d(20, 10, 1), nn.AvgPool2d(2), head(10)), picture()


class Inception(nn.Module):
    """The unit of GoogLeNet."""

    def __init__(self, c: int):
        super().__init__()
        self.a, self.b, self.c = (
            block(c, 4, 1),
            nn.Sequential(block(c, 4, 1), block(4, 6)),
            nn.Sequential(block(c, 2, 1), block(2, 4, 5)),
        )
        self.d = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), block(c, 4, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.a(x), self.b(x), self.c(x), self.d(x)], 1)


@model()
def googlenet() -> Any:
    return nn.Sequential(
        block(3, 8, 7, 2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.LocalResponseNorm(5, 1e-3), Inception(8), head(18)
    ), picture()  # fmt: skip


@model()
def regnet() -> Any:
    return nn.Sequential(
        block(3, 8, 3, 2), block(8, 16, 1), block(16, 16, 3, 2, 4), Squeeze(16, nn.Sigmoid()), head(16)
    ), picture()  # fmt: skip


class UNet(nn.Module):
    """Two levels, transposed convolution, skip by concatenation, padded to fit."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.mid = block(3, 8), block(8, 16)
        self.up, self.out = nn.ConvTranspose2d(16, 8, 2, 2), nn.Conv2d(16, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.down(x)
        b = self.up(self.mid(F.max_pool2d(a, 2)))
        b = F.pad(b, [0, a.size(3) - b.size(3), 0, a.size(2) - b.size(2)])
        return torch.softmax(self.out(torch.cat([a, b], 1)), 1)


@model({"x": {0: "batch", 2: "height", 3: "width"}})
def unet() -> Any:
    return UNet(), {"x": torch.randn(1, 3, 27, 30)}


class DeepLab(nn.Module):
    """Dilated convolutions, pooling over the whole picture, bilinear enlargement."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(block(3, 8, 3, 2), block(8, 12, 3, 2))
        self.aspp = nn.ModuleList([nn.Conv2d(12, 8, 1)] + [nn.Conv2d(12, 8, 3, padding=d, dilation=d) for d in (2, 4)])
        self.pool, self.out = nn.Conv2d(12, 8, 1), nn.Conv2d(32, 5, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.body(x)
        size = y.shape[-2:]
        whole = F.interpolate(self.pool(F.adaptive_avg_pool2d(y, 1)), size=size, mode="bilinear", align_corners=False)
        y = self.out(torch.cat([*(m(y) for m in self.aspp), whole], 1))
        return F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=False)


@model()
def deeplab() -> Any:
    return DeepLab(), {"x": torch.randn(1, 3, 33, 40)}


class Detector(nn.Module):
    """The head of a detector of one stage: grids, slices, boxes of exp and sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.out = nn.Sequential(block(3, 8, 3, 2, act=nn.SiLU), block(8, 16, 3, 2)), nn.Conv2d(16, 3 * 7, 1)
        self.register_buffer("anchors", torch.tensor([[10.0, 13.0], [16.0, 30.0], [33.0, 23.0]]).view(1, 3, 1, 1, 2))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.out(self.body(x))
        n, _, h, w = y.shape
        y = y.reshape(n, 3, 7, h, w).permute(0, 1, 3, 4, 2)
        yv, xv = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        grid = torch.stack((xv, yv), 2).view(1, 1, h, w, 2).float()
        xy = (y[..., 0:2].sigmoid() * 2 - 0.5 + grid) * 4
        wh = (y[..., 2:4].sigmoid() * 2) ** 2 * self.anchors
        boxes = torch.cat((xy - wh / 2, xy + wh / 2), -1).reshape(n, -1, 4)
        scores = y[..., 4:].sigmoid().reshape(n, -1, 3)
        return boxes, scores.amax(-1)


@model({"x": {0: "batch"}})
def detector() -> Any:
    return Detector(), picture(2)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.LSTM(6, 8, 2, bidirectional=True, batch_first=True)
        self.b, self.c = nn.GRU(16, 10), nn.RNN(10, 5, nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, (h, _) = self.a(x)
        y, _ = self.b(y)
        return self.c(y)[0], h


@model({"x": {0: "batch", 1: "steps"}})
def recurrent() -> Any:
    return Recurrent(), {"x": torch.randn(3, 7, 6)}


@model()
def conv1d() -> Any:
    return nn.Sequential(
        nn.Conv1d(4, 8, 5, 2, 2), nn.GELU(), nn.GroupNorm(2, 8), nn.MaxPool1d(2), nn.ConvTranspose1d(8, 4, 3, 2, 1, 1),
        nn.InstanceNorm1d(4), nn.PReLU(4), nn.AvgPool1d(3, 2, 1),
    ), {"x": torch.randn(2, 4, 37)}  # fmt: skip


@model()
def conv3d() -> Any:
    return nn.Sequential(
        nn.Conv3d(2, 4, 3, padding=1), nn.BatchNorm3d(4), nn.LeakyReLU(0.1), nn.MaxPool3d(2), nn.Conv3d(4, 6, 3),
        nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(6, 3), nn.LogSoftmax(1),
    ), {"x": torch.randn(2, 2, 9, 8, 10)}  # fmt: skip


class Mixed(nn.Module):
    """What functional code does with tensors: masks, gathers, sorts, norms, einsum."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(11, 6)

    def forward(self, ids: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        e = self.table(ids)
        scores = torch.einsum("btc,bsc->bts", e, x).masked_fill(ids[:, :, None] == 3, -1e9)
        w = torch.softmax(scores / 6**0.5, -1) @ x
        top, at = torch.topk(w.flatten(1), 5)
        picked = torch.gather(w, 1, ids[:, :2, None].clamp(max=3).expand(-1, -1, 6))
        norm = F.normalize(x, dim=-1)
        rolled = torch.cumsum(torch.roll(x, 1, 1).tril(), 1)
        return top, at, picked, norm, torch.where(x > 0, x, rolled), x.std(1), torch.clamp(x, -0.5, 0.5).prod(-1)


@model()
def mixed() -> Any:
    return Mixed(), {"ids": torch.randint(0, 11, (2, 4)), "x": torch.randn(2, 5, 6)}


# ---- the library transformers, with small configurations and seeded weights


class Outputs(nn.Module):
    """A model of transformers whose first outputs come as a tuple."""

    def __init__(self, inner: nn.Module, names: tuple[str, ...], take: tuple[str, ...], **fixed: Any):
        super().__init__()
        self.inner, self.names, self.take, self.fixed = inner, names, take, fixed

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        made = self.inner(**dict(zip(self.names, inputs, strict=True)), return_dict=True, **self.fixed)
        return tuple(getattr(made, name) for name in self.take)


def tokens(length: int = 9, batch: int = 2, most: int = 40) -> torch.Tensor:
    return torch.randint(1, most, (batch, length))


def hf(
    kind: str,
    config: str,
    take: str | tuple[str, ...],
    inputs: dict[str, torch.Tensor],
    fixed: Any = None,
    **options: Any,
) -> Any:
    import transformers

    made = getattr(transformers, config)(**options)
    made._attn_implementation = "eager"
    names = (take,) if isinstance(take, str) else take
    return Outputs(getattr(transformers, kind)(made), tuple(inputs), names, **(fixed or {})), inputs


TEXT = {"input_ids": {0: "batch", 1: "length"}, "attention_mask": {0: "batch", 1: "length"}}


def masked(length: int = 9) -> dict[str, torch.Tensor]:
    mask = torch.ones(2, length, dtype=torch.int64)
    mask[1, -3:] = 0
    return {"input_ids": tokens(length), "attention_mask": mask}


@model(TEXT)
def bert() -> Any:
    return hf("BertModel", "BertConfig", ("last_hidden_state", "pooler_output"), masked(), vocab_size=40,
              hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
              intermediate_size=24, max_position_embeddings=16)  # fmt: skip


@model(TEXT)
def distilbert() -> Any:
    return hf("DistilBertModel", "DistilBertConfig", "last_hidden_state", masked(), vocab_size=40, dim=16, n_layers=1,
              n_heads=2, hidden_dim=24, max_position_embeddings=16)  # fmt: skip


@model({"input_ids": {0: "batch", 1: "length"}})
def gpt2() -> Any:
    return hf("GPT2LMHeadModel", "GPT2Config", "logits", {"input_ids": tokens()}, {"use_cache": False}, vocab_size=40,
              n_embd=16, n_layer=2, n_head=2, n_positions=16)  # fmt: skip


@model({"input_ids": {0: "batch", 1: "length"}})
def llama() -> Any:
    return hf("LlamaForCausalLM", "LlamaConfig", "logits", {"input_ids": tokens()}, {"use_cache": False}, vocab_size=40,
              hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
              max_position_embeddings=16)  # fmt: skip


@model({"input_ids": {0: "batch", 1: "length"}})
def t5_encoder() -> Any:
    return hf("T5EncoderModel", "T5Config", "last_hidden_state", {"input_ids": tokens()}, vocab_size=40, d_model=16,
              d_kv=8, d_ff=24, num_layers=2, num_heads=2)  # fmt: skip


@model()
def whisper_encoder() -> Any:
    import transformers

    config = transformers.WhisperConfig(d_model=16, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=24,
                                        num_mel_bins=8, max_source_positions=10)  # fmt: skip
    config._attn_implementation = "eager"
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    inputs = {"input_features": torch.randn(1, 8, 20)}
    return Outputs(WhisperEncoder(config), tuple(inputs), ("last_hidden_state",)), inputs


@model()
def wav2vec2() -> Any:
    return hf("Wav2Vec2Model", "Wav2Vec2Config", "last_hidden_state", {"input_values": torch.randn(1, 400)},
              hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24, conv_dim=(8, 8),
              conv_stride=(5, 2), conv_kernel=(10, 3), num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2,
              num_feat_extract_layers=2)  # fmt: skip


@model({"pixel_values": {0: "batch"}})
def vit() -> Any:
    return hf("ViTForImageClassification", "ViTConfig", "logits", {"pixel_values": torch.randn(2, 3, 24, 24)},
              hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=24,
              patch_size=8, num_labels=7)  # fmt: skip


@model()
def swin() -> Any:
    return hf("SwinForImageClassification", "SwinConfig", "logits", {"pixel_values": torch.randn(1, 3, 32, 32)},
              image_size=32, patch_size=4, embed_dim=8, depths=[2, 1], num_heads=[1, 2], window_size=4,
              num_labels=5)  # fmt: skip


@model()
def convnext() -> Any:
    return hf("ConvNextForImageClassification", "ConvNextConfig", "logits", {"pixel_values": torch.randn(1, 3, 32, 32)},
              hidden_sizes=[8, 12], depths=[1, 1], num_stages=2, num_labels=5)  # fmt: skip


@model()
def segformer() -> Any:
    return hf("SegformerForSemanticSegmentation", "SegformerConfig", "logits",
              {"pixel_values": torch.randn(1, 3, 32, 32)}, num_encoder_blocks=2, depths=[1, 1], sr_ratios=[2, 1],
              hidden_sizes=[8, 12], patch_sizes=[7, 3], strides=[4, 2], num_attention_heads=[1, 2], mlp_ratios=[2, 2],
              decoder_hidden_size=12, num_labels=4)  # fmt: skip


def export(name: str, dynamo: bool) -> None:
    """Writes one model of one exporter, with its .npz."""
    import onnxruntime

    torch.manual_seed(len(name))
    module, inputs = MODELS[name]()
    module.eval()
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(part.running_mean, 0, 0.5)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.2)
    path = FOLDER / f"{name}-{'dynamo' if dynamo else 'script'}.onnx"
    args, names, axes = tuple(inputs.values()), list(inputs), DYNAMIC[name]
    if dynamo:
        program = torch.onnx.export(module, args, dynamo=True, input_names=names, verbose=False)
        program.save(str(path), external_data=False)
    else:
        torch.onnx.export(module, args, str(path), dynamo=False, input_names=names, dynamic_axes=axes or None)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = {i.name: inputs[i.name].numpy() for i in session.get_inputs()}
    made = session.run(None, given)
    np.savez_compressed(path.with_suffix(".npz"), **given, **{f"out{k}": array for k, array in enumerate(made)})
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    FOLDER.mkdir(exist_ok=True)
    for chosen in sys.argv[1:] or MODELS:
        for dynamo in (False, True):
            try:
                export(chosen, dynamo)
            except Exception as error:
                print(f"{chosen} ({'dynamo' if dynamo else 'script'}): {type(error).__name__}: {str(error)[:160]}")
