"""The receptive field of a network, by gradients of its layers."""

from collections.abc import Iterable
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F

from unetlite.network.spans import (
    Span,
    compose,
    enough_maps,
    input_span,
    linearised,
    random_strip,
)
from unetlite.network.unet import DecoderBlock, UNet
from unetlite.network.upsampling.base import EncoderFeatures

WIDTH = 32  # of the coarse maps that decoder blocks are measured on; even


class DecoderSpans(NamedTuple):
    """The elements that an output n of a decoder block depends on, for even and for odd n."""

    coarse: list[Span]  # of the coarser map, less n // 2
    skip: list[Span]  # of the encoder's map, less n; empty if it is not read


def receptive_field(network: UNet) -> int:
    """Pixels of the image, per axis, that can change a logit; of the logit that has most.

    Each layer is measured by the gradients of a copy, without norms and ReLUs, with the weights
    before training. Intervals are then followed from a logit down to the image. The gradient of a
    whole network is not used: it would need an image of thousands of pixels for a deep one. Nor is
    a recurrence of sizes, since neighbours in a decoder depend on intervals of different sizes.
    """
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
        torch.manual_seed(0)
        encoder_spans = network.encoder.input_spans()
        blocks = cast(Iterable[DecoderBlock], reversed(network.decoder))  # finest first
        decoder_spans = [measure_block(block) for block in blocks]
    positions = range(network.encoder.stride)
    return max(field_at(position, encoder_spans, decoder_spans) for position in positions)


def measure_block(block: DecoderBlock) -> DecoderSpans:
    """What the two middle outputs of a decoder block depend on."""
    batch = enough_maps(min(block.in_channels, block.up_channels, block.skip_channels))
    coarse = random_strip(block.in_channels, 1, WIDTH, batch)
    fine = random_strip(block.skip_channels, 2, 2 * WIDTH, batch)
    _, positions = F.max_pool2d(fine, 2, return_indices=True)
    features = EncoderFeatures(fine, positions)
    output = linearised(block)(coarse, features)
    spans = DecoderSpans([], [])
    for column in (WIDTH, WIDTH + 1):
        coarse_span = input_span(output, column, coarse, column // 2)
        assert coarse_span is not None
        spans.coarse.append(coarse_span)
        skip_span = input_span(output, column, fine, column)
        if skip_span is not None:
            spans.skip.append(skip_span)
    return spans


def field_at(
    position: int,
    encoder_spans: list[Span],
    decoder_spans: list[DecoderSpans],
) -> int:
    """The pixels of an axis from the first to the last that the logit at a position depends on."""
    interval = Span(position, position)  # of the map at a stride
    pixels = []
    stride = 1
    for encoder_span, spans in zip(encoder_spans[:-1], decoder_spans, strict=True):
        if spans.skip:
            skip = follow(interval, spans.skip, 1)
            pixels.append(compose(skip, encoder_span, stride))
        interval = follow(interval, spans.coarse, 2)
        stride *= 2
    pixels.append(compose(interval, encoder_spans[-1], stride))
    firsts, lasts = zip(*pixels, strict=True)
    return max(lasts) - min(firsts) + 1


def follow(interval: Span, spans: list[Span], scale: int) -> Span:
    """What the outputs of an interval depend on, with the spans of even and odd outputs."""
    starts = []
    ends = []
    for output in range(interval.first, interval.last + 1):
        starts.append(output // scale + spans[output % 2].first)
        ends.append(output // scale + spans[output % 2].last)
    return Span(min(starts), max(ends))
