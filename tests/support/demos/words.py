"""Text: words and characters by number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glnn.layers import Layer, WeightSpec
from glnn.layers.core import Dense
from glnn.layers.multi_head_attention import MultiHeadAttention
from glnn.layers.normalization import LayerNormalization
from glnn.primitives import Sym, Trace

from .base import demo

WORDS = 40


@demo("text by two LSTMs", {"text": (13,)}, below={"text": WORDS})
def sentiment(keras: Any) -> Any:
    """What IMDB's example does: padding is masked out, two layers of two directions."""
    L = keras.layers
    x = text = keras.Input((None,), dtype="int32", name="text")
    x = L.Embedding(WORDS, 9, mask_zero=True)(x)
    x = L.SpatialDropout1D(0.2)(x)
    x = L.Bidirectional(L.LSTM(6, return_sequences=True))(x)
    x = L.Bidirectional(L.LSTM(5), merge_mode="sum")(x)
    return keras.Model(text, L.Dense(1, activation="sigmoid")(L.Dropout(0.5)(x)))


@demo(
    "nearest words", {"word": (1,), "words": (WORDS,)}, suffix=".h5", below={"word": WORDS, "words": WORDS}, exact=(1,)
)
def nearest_words(keras: Any) -> Any:
    """One table of words; the cosine of one of them with each of others, and the five nearest."""
    L = keras.layers
    word, words = keras.Input((1,), name="word"), keras.Input((WORDS,), name="words")
    table = L.Embedding(WORDS, 12, name="table")
    cosine = L.Dot(axes=2, normalize=True, name="cosine")([table(word), table(words)])
    flat = L.Reshape((WORDS,), name="flat")(cosine)
    values, numbers = keras.ops.top_k(flat, 5)
    return keras.Model([word, words], [flat, numbers, values])


@demo("transformer encoder", {"tokens": (15,)}, below={"tokens": WORDS})
def transformer_encoder(keras: Any) -> Any:
    """Two blocks of attention and GELU with norms in front, padding masked, classified by their mean."""
    L, length, width = keras.layers, 15, 12
    tokens = keras.Input((length,), dtype="int32", name="tokens")
    places = keras.ops.cumsum(keras.ops.ones_like(tokens), axis=1) - 1
    x = L.Embedding(WORDS, width, mask_zero=True)(tokens) + L.Embedding(length, width)(places)
    for _ in range(2):
        y = L.LayerNormalization(epsilon=1e-6)(x)
        x = L.Add()([x, L.Dropout(0.1)(L.MultiHeadAttention(3, 4, dropout=0.1)(y, y))])
        y = L.Dense(30, activation="gelu")(L.LayerNormalization(epsilon=1e-6)(x))
        x = L.Add()([x, L.Dense(width)(y)])
    return keras.Model(tokens, L.Dense(4, activation="softmax")(L.GlobalAveragePooling1D()(x)))


def block_classes(keras: Any) -> tuple[Any, Any]:
    """The two layers of Keras' own example of text classification with a transformer."""
    L = keras.layers

    @keras.saving.register_keras_serializable("demos")
    class TransformerBlock(L.Layer):
        def __init__(self, embed_dim: int, num_heads: int, ff_dim: int, **more: Any) -> None:
            super().__init__(**more)
            self.sizes = {"embed_dim": embed_dim, "num_heads": num_heads, "ff_dim": ff_dim}
            self.att = L.MultiHeadAttention(num_heads, embed_dim)
            self.ffn = keras.Sequential([L.Dense(ff_dim, activation="relu"), L.Dense(embed_dim)])
            self.layernorm1, self.layernorm2 = L.LayerNormalization(epsilon=1e-6), L.LayerNormalization(epsilon=1e-6)

        def build(self, shape: Any) -> None:
            self.att.build(shape, shape)
            for part in (self.ffn, self.layernorm1, self.layernorm2):
                part.build(shape)

        def call(self, x: Any) -> Any:
            x = self.layernorm1(x + self.att(x, x))
            return self.layernorm2(x + self.ffn(x))

        def get_config(self) -> dict[str, Any]:
            return super().get_config() | self.sizes

    @keras.saving.register_keras_serializable("demos")
    class TokenAndPositionEmbedding(L.Layer):
        def __init__(self, maxlen: int, vocab_size: int, embed_dim: int, **more: Any) -> None:
            super().__init__(**more)
            self.sizes = {"maxlen": maxlen, "vocab_size": vocab_size, "embed_dim": embed_dim}
            self.token_emb, self.pos_emb = L.Embedding(vocab_size, embed_dim), L.Embedding(maxlen, embed_dim)

        def build(self, shape: Any) -> None:
            self.token_emb.build(shape)
            self.pos_emb.build(shape)

        def call(self, x: Any) -> Any:
            return self.token_emb(x) + self.pos_emb(keras.ops.arange(x.shape[-1]))

        def get_config(self) -> dict[str, Any]:
            return super().get_config() | self.sizes

    return TokenAndPositionEmbedding, TransformerBlock


def named(part: str, specs: list[WeightSpec]) -> list[WeightSpec]:
    return [WeightSpec(f"{part}/{spec.name}", spec.shape) for spec in specs]


def within(part: str, w: Mapping[str, Sym]) -> dict[str, Sym]:
    return {name.removeprefix(f"{part}/"): sym for name, sym in w.items() if name.startswith(f"{part}/")}


@dataclass(frozen=True)
class Block(Layer):
    """TransformerBlock, of glnn's layers."""

    embed_dim: int
    num_heads: int
    ff_dim: int

    @property
    def parts(self) -> dict[str, Layer]:
        return {
            "att": MultiHeadAttention(self.num_heads, self.embed_dim),
            "ffn/dense": Dense(self.ff_dim, "relu"),  # type: ignore[arg-type]
            "ffn/dense_1": Dense(self.embed_dim),
            "layernorm1": LayerNormalization(epsilon=1e-6),
            "layernorm2": LayerNormalization(epsilon=1e-6),
        }

    def weight_specs(self, *inputs: Any) -> list[WeightSpec]:
        specs: list[WeightSpec] = []
        for name, part in self.parts.items():
            shape = (*inputs[0][:-1], self.ff_dim) if name == "ffn/dense_1" else inputs[0]
            specs += named(name, part.weight_specs(*((shape, shape) if name == "att" else (shape,))))
        return specs

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        def call(name: str, *xs: Sym) -> Any:
            return self.parts[name].build(t, *xs, w=within(name, w))

        x = call("layernorm1", x + call("att", x, x))
        return call("layernorm2", x + call("ffn/dense_1", call("ffn/dense", x)))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Tokens(Layer):
    """TokenAndPositionEmbedding, in the words of a Trace."""

    maxlen: int
    vocab_size: int
    embed_dim: int

    def weight_specs(self, *inputs: Any) -> list[WeightSpec]:
        return [
            WeightSpec("token_emb/embeddings", (self.vocab_size, self.embed_dim)),
            WeightSpec("pos_emb/embeddings", (self.maxlen, self.embed_dim)),
        ]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return t.take(w["token_emb/embeddings"], x) + w["pos_emb/embeddings"]


@demo(
    "transformer of own layers",
    {"tokens": (11,)},
    below={"tokens": WORDS},
    objects={"TransformerBlock": Block, "TokenAndPositionEmbedding": Tokens},
)
def transformer_of_own_layers(keras: Any) -> Any:
    """Keras' example as its readers save it: layers that hold layers."""
    L, (embed, block) = keras.layers, block_classes(keras)
    tokens = keras.Input((11,), name="tokens")
    x = block(8, 2, 20)(embed(11, WORDS, 8)(tokens))
    x = L.Dropout(0.1)(L.GlobalAveragePooling1D()(x))
    return keras.Model(tokens, L.Dense(2, activation="softmax")(L.Dense(20, activation="relu")(x)))


def characters(keras: Any, stateful: bool) -> Any:
    """A network that guesses the next of 40 characters; stateful: of one after another."""
    L = keras.layers
    text = keras.Input((1,) if stateful else (None,), batch_size=2 if stateful else None, dtype="int32", name="text")
    x = L.Embedding(WORDS, 8)(text)
    x = L.GRU(12, return_sequences=True, stateful=stateful)(x)
    x = L.LSTM(10, stateful=stateful)(x)
    return keras.Model(text, L.Dense(WORDS, name="logits")(x))
