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

REFERENCES = """\
## References

- Agnihotri, Grabinski, Keuper. Improving feature stability during upsampling: spectral artifacts
  and the importance of spatial context. European Conference on Computer Vision, 2024.
- Aitken, Ledig, Theis, Caballero, Wang, Shi. Checkerboard artifact free sub-pixel convolution.
  arXiv:1707.02937, 2017.
- Badrinarayanan, Kendall, Cipolla. SegNet: a deep convolutional encoder-decoder architecture for
  image segmentation. IEEE Transactions on Pattern Analysis and Machine Intelligence 39(12),
  2481-2495, 2017.
- Du et al. LDA-AQU: adaptive query-guided upsampling via local deformable attention. ACM
  International Conference on Multimedia, 2024.
- Dumoulin, Visin. A guide to convolution arithmetic for deep learning. arXiv:1603.07285, 2016.
- Keys. Cubic convolution interpolation for digital image processing. IEEE Transactions on
  Acoustics, Speech, and Signal Processing 29(6), 1153-1160, 1981.
- Liu, Lu, Fu, Cao. Learning to upsample by learning to sample. IEEE/CVF International Conference
  on Computer Vision, 2023.
- Lu, Liu, Fu, Cao. FADE: fusing the assets of decoder and encoder for task-agnostic upsampling.
  European Conference on Computer Vision, 2022.
- Lu, Liu, Ye, Fu, Liu, Cao. SAPA: similarity-aware point affiliation for feature upsampling.
  Advances in Neural Information Processing Systems 35, 2022.
- Noh, Hong, Han. Learning deconvolution network for semantic segmentation. IEEE International
  Conference on Computer Vision, 1520-1528, 2015.
- Odena, Dumoulin, Olah. Deconvolution and checkerboard artifacts. Distill, 2016.
  doi:10.23915/distill.00003
- Rahman, Munir, Marculescu. EMCAD: efficient multi-scale convolutional attention decoding for
  medical image segmentation. IEEE/CVF Conference on Computer Vision and Pattern Recognition,
  2024.
- Shi, Caballero, Huszar, Totz, Aitken, Bishop, Rueckert, Wang. Real-time single image and video
  super-resolution using an efficient sub-pixel convolutional neural network. IEEE Conference on
  Computer Vision and Pattern Recognition, 1874-1883, 2016.
- Wang, Chen, Xu, Liu, Loy, Lin. CARAFE: content-aware reassembly of features. IEEE/CVF
  International Conference on Computer Vision, 3007-3016, 2019.
- Wojna, Ferrari, Guadarrama, Silberman, Chen, Fathi, Uijlings. The devil is in the decoder:
  classification, regression and GANs. International Journal of Computer Vision 127, 1694-1706,
  2019.
"""
