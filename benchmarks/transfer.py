"""Times how arrays come onto a device and off it: packed by NumPy or by draws, and pieces of a batch by turns or not.

    python benchmarks/transfer.py
    python benchmarks/transfer.py --shape 8,224,224,3 --network mobilenetv2

The rule that chooses is in glnn/run/transfer.py; see docs/performance.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import models
import timing

import glnn
from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.activation import Activation
from glnn.run import session, transfer


def spread(run: Callable[[], object], reps: int) -> str:
    """Median and quartiles in milliseconds."""
    times = []
    for _ in range(reps + 1):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return timing.Spread.of(times[1:]).text()


def ends(shape: tuple[int, ...], reps: int, device: glnn.Device) -> None:
    """Prints upload and read of a tensor, both ways."""
    specs = (TensorSpec("x", (None, *shape[1:])),)
    graph = Graph("ends", specs, (Node("y", Activation("relu"), ("x",), ("y",)),), ("y",))
    x = models.sample(shape)
    for way, least in (("NumPy", None), ("draws", 1)):
        transfer.LEAST.update(software=least, hardware=least)
        with glnn.Model(graph, device) as model:
            model.predict(x, verbose=0)
            executor = model.session.executor({"x": shape})
            (spec,) = executor.plan.outputs

            def upload(executor: session.Executor = executor) -> None:
                executor.load({"x": x})
                device.finish()

            with device.use():
                read = executor._download(spec).read
                print(f"{shape}, packed by {way}: upload {spread(upload, reps)} ms, read {spread(read, reps)} ms")


def pieces(name: str, reps: int, device: glnn.Device) -> None:
    """Prints predict on 4 pieces of 8 images, with and without overlap."""
    with glnn.Model.load(models.network_file(name), device=device) as model:
        x = models.sample((32, 224, 224, 3))
        for overlap in (False, True):
            session.overlaps = lambda device, overlap=overlap: overlap  # type: ignore[assignment]
            how = "overlapped" if overlap else "one after another"
            print(f"{name}, 4 pieces of 8, {how}: {spread(lambda: model.predict(x, 8, verbose=0), reps)} ms")


def main() -> None:
    """Prints a line for each way."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", default="32,224,224,3;1,224,224,3;32,1000", help="shapes, separated by semicolons")
    parser.add_argument("--network", help="mobilenetv2 or resnet50: time pieces of a batch as well")
    parser.add_argument("--reps", type=int, default=15)
    args = parser.parse_args()
    usual = dict(transfer.LEAST)
    with glnn.Device() as device:
        print(device.renderer)
        for text in args.shape.split(";"):
            ends(tuple(map(int, text.split(","))), args.reps, device)
        transfer.LEAST.update(usual)
        if args.network:
            pieces(args.network, args.reps, device)


if __name__ == "__main__":
    main()
