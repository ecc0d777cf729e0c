"""The entries of docs/operators.md, in its order."""

from typing import NamedTuple


class Entry(NamedTuple):
    """What the page says of an operator."""

    idea: str
    formula: str
    when: str  # to use it
    source: str


ENTRIES = {
    "transpose": Entry(
        "Every pixel adds a weighted copy of a kernel to the output, two pixels apart.",
        "out[m] = sum over i of x[i] K[m - 2i]",
        "The usual choice, and with `separable` the fastest here. Kernels of 2 and 4 overlap "
        "evenly, 3 does not. That is not enough against a checkerboard: take `upsample.blur=true`, "
        "or a resize.",
        "Dumoulin and Visin 2016; Odena et al. 2016",
    ),
    "large_context": Entry(
        "A transposed convolution with a large kernel, and a small one that keeps fine details.",
        "out = transpose(x, K of 7 or 11) + transpose(x, K of 3)",
        "If robustness to disturbed inputs counts more than size: it has more than twice the "
        "parameters.",
        "Agnihotri et al. 2024",
    ),
    "nearest": Entry(
        "Every pixel becomes a 2 x 2 block, and a convolution smooths the blocks.",
        "out = conv3(x[i // 2])",
        "A safe choice without a pattern of its own. For PyTorch and OpenVINO it is folded into "
        "one transposed convolution of 4 x 4. In an ONNX file it stays as it is, because ONNX "
        "Runtime is slower with that.",
        "Odena et al. 2016",
    ),
    "bilinear": Entry(
        "Interpolates from two neighbours an axis, then a convolution.",
        "out = conv3((1/4, 3/4) and (3/4, 1/4) of neighbours)",
        "Smooth outlines. Slower than `nearest` in PyTorch and OpenVINO, where the folded "
        "convolution of that has fewer MACs.",
        "Odena et al. 2016",
    ),
    "bicubic": Entry(
        "As `bilinear`, from four neighbours an axis.",
        "out = conv3(Keys' cubic kernel with a = -0.75)",
        "Rarely: it costs more than `bilinear`, and has shown no gain over the simple ones. The "
        "time above is that of the fastest runtime: in ONNX Runtime it takes five to six times as "
        "long as `bilinear`.",
        "Keys 1981",
    ),
    "zeros": Entry(
        'Zeros between the pixels ("bed of nails"), then a convolution fills them.',
        "out = conv3(x[i / 2] where i is even, else 0)",
        "To understand transposed convolution: with a flipped kernel of 3 it is the same.",
        "Dumoulin and Visin 2016",
    ),
    "pixelshuffle": Entry(
        "A convolution to four times the channels, which are dealt out to 2 x 2 blocks.",
        "out[2i + a, 2j + b] = conv3(x)[channel 4c + 2a + b][i, j]",
        "If all work should be at low resolution. It has the most parameters of the simple ones.",
        "Shi et al. 2016; Aitken et al. 2017",
    ),
    "unpool": Entry(
        "Values go back to the places of the encoder's maxima. All other pixels are zero.",
        "out[position of the maximum of window i] = conv3(x)[i]",
        "If exact places count: the encoder keeps them. Only with `downsample=max`.",
        "Noh et al. 2015; Badrinarayanan et al. 2017",
    ),
    "bilinear_additive": Entry(
        "Interpolates, and adds up every four channels, so the convolution is four times smaller.",
        "out = conv3(sum of 4 channels of bilinear(x))",
        "Few parameters and MACs, no pattern.",
        "Wojna et al. 2019",
    ),
    "residual": Entry(
        "A transposed convolution learns what is added to a bilinear resize, whose channels are "
        "added up to as many.",
        "out = transpose(x, K of 2) + sum of C_in / C_out channels of bilinear(x)",
        "As `transpose`, with the same weights and MACs, but most of its checkerboard is gone "
        "before training. New: not among the published results.",
        "Wojna et al. 2019",
    ),
    "separable": Entry(
        "Repeats every pixel, then a depthwise convolution, norm, ReLU, and a pointwise one.",
        "out = conv1(relu(norm(depthwise3(nearest(x)))))",
        "The smallest with a neighbourhood of 3 x 3; made for phones.",
        "Rahman et al. 2024 (EUCB)",
    ),
    "carafe": Entry(
        "Every output pixel is a mean of 5 x 5 inputs, with weights predicted from the content.",
        "out[i'] = sum over n of softmax(w(y))[i', n] y[i' // 2 + n],  y = conv1(x)",
        "For coherent regions. It takes more than twice the time of the simple ones.",
        "Wang et al. 2019",
    ),
    "sapa": Entry(
        "As `carafe`, but an input weighs as much as it resembles the encoder's pixel.",
        "weights = softmax over n of q(skip[i']) . k(y[i' // 2 + n])",
        "Rarely in a U-Net, which joins the encoder's map anyway: it is shown not to be the best "
        "on CamVid and DRIVE.",
        "Lu et al. 2022 (SAPA-B)",
    ),
    "fade": Entry(
        "Weights from encoder and decoder, and a gate that lets the encoder's own values through.",
        "out = g skip + (1 - g) carafe(y; w(skip) + w(y)),  g = sigmoid(conv1(y))",
        "Rarely in a U-Net, which joins the encoder's map anyway: it is shown not to be the best "
        "on CamVid, and takes more than twice the time.",
        "Lu et al. 2022 (FADE)",
    ),
    "dysample": Entry(
        "Reads every output pixel, bilinearly, at a place that is predicted from the content.",
        "out[i'] = y at (i' / 2 + 0.25 o(y)[i'])",
        "Almost the fewest parameters, and the choice of the race on coast. Slower than "
        "`transpose`.",
        "Liu et al. 2023",
    ),
    "lda_aqu": Entry(
        "Attention of every output pixel to nine inputs. Their places and weights are predicted "
        "from the content.",
        "out[i'] = sum over n of softmax(Q[i'] . K[p] / sqrt(d) + b[n]) y[p],  "
        "p = i' / 2 + n + 11 tanh(o(Q)[i'])[n]",
        "For research: it reads up to eleven pixels away, and takes several times as long as "
        "`transpose`. Its sampling and weighted means, 6 million MACs, are not in the table. New: "
        "not among the published results.",
        "Du et al. 2024 (LDA-AQU)",
    ),
}
