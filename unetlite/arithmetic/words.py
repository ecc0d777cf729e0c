"""Every text of the page on arithmetic, in English and in Chinese."""

from typing import NamedTuple

LANGUAGES = {"en": "English", "zh": "简体中文"}


class Words(NamedTuple):
    """A text, in which {name} stands for a value."""

    en: str
    zh: str


def say(key: str, language: str = "en", **values: object) -> str:
    """The text of a key in a language of LANGUAGES, with its values filled in."""
    text: str = getattr(WORDS[key], language)
    return text.format(**values)


OPERATION_WORDS = {
    "convolution": Words("Convolution (kernel flipped)", "卷积（翻转卷积核）"),
    "correlation": Words(
        "Correlation (“convolution” in deep learning)", "互相关（深度学习所说的“卷积”）"
    ),
    "dilated": Words("Dilated convolution", "空洞卷积"),
    "max": Words("Max pooling", "最大池化"),
    "mean": Words("Mean pooling", "平均池化"),
    "stochastic": Words("Stochastic pooling", "随机池化"),
    "zeros": Words("Zero insertion", "插零上采样"),
    "nearest": Words("Nearest neighbour", "最近邻插值"),
    "bilinear": Words("Bilinear", "双线性插值"),
    "transposed": Words("Transposed convolution", "转置卷积"),
    "shuffle": Words("Pixel shuffle", "像素重组"),
    "unpool": Words("Unpooling", "反池化"),
    "wiener": Words("Wiener deconvolution", "维纳反卷积"),
    "about_convolution": Words(
        "The kernel is flipped in both axes, laid on the map, multiplied and added up. This is the "
        "convolution of mathematics.",
        "先把卷积核沿两个轴翻转，再放到特征图上，逐项相乘后求和。这是数学意义上的卷积。",
    ),
    "about_correlation": Words(
        "The kernel is laid on the map, multiplied and added up, without a flip. Deep learning "
        "calls this convolution: a kernel that is learnt can be learnt flipped.",
        "卷积核不翻转，直接放到特征图上，逐项相乘后求和。深度学习把它叫作卷积："
        "卷积核是学出来的，翻不翻转都一样能学到。",
    ),
    "about_dilated": Words(
        "The taps of the kernel stand apart by the dilation. It covers more pixels with the same "
        "number of weights, so the receptive field grows.",
        "卷积核的各个权重按膨胀率隔开。权重个数不变，覆盖的像素更多，感受野随之变大。",
    ),
    "about_max": Words(
        "The largest number of each window. Its place in the window is lost.",
        "取每个窗口里的最大值。它在窗口中的位置丢失了。",
    ),
    "about_mean": Words(
        "The mean of each window. Padding counts as zeros.",
        "取每个窗口的平均值。填充按 0 计入。",
    ),
    "about_stochastic": Words(
        "One number of each window, drawn with a probability in proportion to it. Draw 0 shows "
        "the mean with these probabilities, which evaluation takes.",
        "从每个窗口中随机抽取一个数，概率与数值成正比。抽样序号为 0 时，"
        "显示以这些概率加权的平均值，即推理时的做法。",
    ),
    "about_zeros": Words(
        "Zeros are put behind every number (“bed of nails”). The kernel that follows spreads the "
        "numbers; one of 1 x 1 leaves them as they are.",
        "在每个数后面插入零（英文又称 bed of nails）。随后的卷积核把数值铺开；"
        "1 x 1 且权重为 1 的卷积核则保持原样。",
    ),
    "about_nearest": Words(
        "Every number is repeated. The kernel that follows smooths the blocks; one of 1 x 1 leaves "
        "them as they are.",
        "把每个数重复成一个方块。随后的卷积核使方块变平滑；1 x 1 且权重为 1 的卷积核则保持原样。",
    ),
    "about_bilinear": Words(
        "Each output is a mean of the four nearest numbers, weighted by closeness. At the border "
        "the edge repeats (align_corners=False).",
        "每个输出是最近四个数按距离加权的平均。边界处重复边缘像素（align_corners=False）。",
    ),
    "about_transposed": Words(
        "Each number of the map adds a copy of the kernel, weighted by it, to the output. Where "
        "copies overlap, they add up. It restores the shape, not the values.",
        "特征图中的每个数乘以整个卷积核，再加到输出上，重叠处相加。它恢复的是形状，而不是数值。",
    ),
    "about_shuffle": Words(
        "The channels, which lie below one another in the map, become the pixels of a larger map. "
        "Numbers only change their places.",
        "各通道（在特征图中上下排列）重新排成一张更大的图。数值不变，只换位置。",
    ),
    "about_unpool": Words(
        "The map is max-pooled, and each maximum is put back to its place. All else is zero.",
        "先对特征图做最大池化，再把每个最大值放回原来的位置，其余为零。",
    ),
    "about_wiener": Words(
        "The map was blurred by the kernel; the filter undoes it, in frequencies. This is image "
        "restoration. A network's “deconvolution” is a transposed convolution, which restores "
        "nothing.",
        "特征图是被卷积核模糊过的图像，滤波器在频域中把它还原。这是图像复原；"
        "网络中所谓的“反卷积”其实是转置卷积，并不能复原图像。",
    ),
}

PARAMETER_WORDS = {
    "stride": Words("stride s", "步幅 s"),
    "factor": Words("factor s", "放大倍数 s"),
    "padding": Words("padding p", "填充 p"),
    "dilation": Words("dilation d", "膨胀率 d"),
    "output_padding": Words("output padding op", "输出填充 op"),
    "noise": Words("noise by signal", "噪声与信号的功率比"),
    "draw": Words("draw", "抽样序号"),
    "size": Words("kernel size k", "卷积核大小 k"),
    "window_size": Words("window size k", "窗口大小 k"),
    "rows": Words("rows of the map", "特征图行数"),
    "columns": Words("columns of the map", "特征图列数"),
}

PAGE_WORDS = {
    "title": Words("Arithmetic to touch", "动手算卷积"),
    "tab": Words("Arithmetic", "卷积算术"),
    "lead": Words(
        "Type numbers, or paint them. The result and the sum behind each output follow.",
        "输入数字，或者直接涂画。结果和每个输出背后的算式会随之更新。",
    ),
    "language": Words("language", "语言"),
    "preset": Words("example", "示例"),
    "own": Words("your own numbers", "自定义数字"),
    "fact": Words("fact {number}", "第 {number} 条"),
    "operation": Words("operation", "运算"),
    "brush": Words("a click", "点击"),
    "type": Words("types", "输入"),
    "raise": Words("raises by 1", "加 1"),
    "lower": Words("lowers by 1", "减 1"),
    "map": Words("map", "特征图"),
    "kernel": Words("kernel", "卷积核"),
    "result": Words("result", "结果"),
    "first_rows": Words(
        "Tables show the first {shown} rows and columns.",
        "表格只显示前 {shown} 行和前 {shown} 列。",
    ),
    "cell": Words("{name}, row {row}, column {column}", "{name}，第 {row} 行第 {column} 列"),
    "sum": Words("Output in row {row}, column {column}", "第 {row} 行第 {column} 列的输出"),
    "sum_hint": Words(
        "Point at an output, or move to it with the arrow keys: its inputs are framed in the map. "
        "Point at an input: the outputs that it reaches are dashed.",
        "指向某个输出，或用方向键移到它上面，特征图中会框出它用到的输入。"
        "指向某个输入，它影响到的输出会用虚线框出。",
    ),
    "no_input": Words("no input reaches it: 0", "没有输入影响它：0"),
    "padding_taps": Words(
        "{count} taps on padding add 0", "另有 {count} 个权重落在填充上，贡献为 0"
    ),
    "more_terms": Words("{count} more terms", "另有 {count} 项"),
    "drawn": Words("{value}, drawn from {choices}", "{value}，抽自 {choices}"),
    "returned": Words(
        "{value}, the maximum of its window, back in its place", "{value}，窗口的最大值，放回原处"
    ),
    "not_returned": Words(
        "0: the maximum of its window stood elsewhere", "0：窗口的最大值在别的位置"
    ),
    "size_title": Words("Size", "输出大小"),
    "height": Words("rows", "行"),
    "width": Words("columns", "列"),
    "reach_title": Words("How many inputs reach each output", "每个输出由多少个输入得到"),
    "even": Words("{count} everywhere", "处处为 {count}"),
    "phases_equal": Words(
        "A constant 1 stays constant inside: the taps of every phase add up to {sum}. There is no "
        "checkerboard.",
        "常数 1 在内部保持为常数：每个相位的权重之和都是 {sum}。没有棋盘效应。",
    ),
    "phases_differ": Words(
        "A constant 1 does not stay constant: the taps of the phases (even and odd rows and "
        "columns with stride 2) add up to {sums}. That is a checkerboard.",
        "常数 1 不再是常数：各相位（步幅为 2 时即奇偶行列）的权重之和为 {sums}。这就是棋盘效应。",
    ),
    "uneven": Words("Between {low} and {high}.", "介于 {low} 与 {high} 之间。"),
    "uneven_border": Words(
        "Between {low} and {high}; fewer at the border only.",
        "介于 {low} 与 {high} 之间；只在边界处较少。",
    ),
    "gaps": Words(
        "Between {low} and {high}. Where it is 0, the output is 0 for any map.",
        "介于 {low} 与 {high} 之间。为 0 的地方，无论输入是什么，输出都是 0。",
    ),
    "step_enlarged": Words("Before the kernel", "卷积之前"),
    "step_pooled": Words("After max pooling", "最大池化之后"),
    "matrix_title": Words("The matrix M and its transpose", "矩阵 M 及其转置"),
    "matrix": Words(
        "M is {rows} x {columns}. M times the map, both row after row in one column, is the "
        "result. The framed row makes the output that you point at.",
        "M 为 {rows} x {columns}。特征图与结果都按行展开成一列时，M 乘以特征图就是结果。"
        "加框的一行对应所指的输出。",
    ),
    "transpose": Words(
        "Its transpose is {columns} x {rows} and leads back to the size of the map. That of a "
        "convolution is the transposed convolution.",
        "它的转置为 {columns} x {rows}，从结果的大小回到特征图的大小。卷积矩阵的转置就是转置卷积。",
    ),
    "matrix_of_transposed": Words(
        "Its transpose is the matrix of a convolution with the same kernel. Hence the name.",
        "它的转置正是同一卷积核的卷积矩阵，“转置卷积”由此得名。",
    ),
    "no_matrix": Words(
        "There is none: what the operation takes depends on the numbers, so it is not linear.",
        "没有这样的矩阵：取哪个输入取决于数值，所以该运算不是线性的。",
    ),
    "large_matrix": Words(
        "M is {rows} x {columns} with {count} numbers that are not 0. That is too large to draw; "
        "take a smaller map.",
        "M 为 {rows} x {columns}，有 {count} 个非零数，太大，画不下；请用小一点的特征图。",
    ),
    "others_title": Words(
        "What else gives the same, and what does not", "还有哪些运算结果相同，哪些不同"
    ),
    "no_others": Words("Nothing simpler, for this setting.", "在此设置下没有更简单的等价形式。"),
    "same": Words("the same", "相同"),
    "same_rounded": Words(
        "the same; largest difference {difference}, which is rounding",
        "相同；最大相差 {difference}，属于舍入误差",
    ),
    "not_same": Words(
        "not the same: {count} of {all} numbers differ, by up to {difference}",
        "不相同：{all} 个数中有 {count} 个不同，最大相差 {difference}",
    ),
    "its_kernel": Words("its kernel", "所用卷积核"),
    "its_result": Words("its result", "它的结果"),
    "link": Words("Link to this state", "当前状态的链接"),
    "derived": Words("All of it is derived in {page}.", "推导见 {page}。"),
}

OTHER_WORDS = {
    "flipped_kernel": Words(
        "Correlation with the flipped kernel.",
        "用翻转后的卷积核做互相关。",
    ),
    "stride_one": Words(
        "One transposed convolution with stride 1, p = {p}, d = {d}.",
        "一个步幅为 1、p = {p}、d = {d} 的转置卷积。",
    ),
    "spread_kernel": Words(
        "An ordinary one whose kernel has zeros between the taps.",
        "普通互相关，卷积核的权重之间插了零。",
    ),
    "and_back": Words(
        "Back with the transpose of the matrix: it has the shape of the map. Has it the values?",
        "用矩阵的转置变回去：形状与特征图相同。数值也相同吗？",
    ),
    "rows_then_columns": Words(
        "The maximum along rows and columns, one after the other.",
        "先沿一个轴取最大值，再沿另一个轴取最大值。",
    ),
    "equal_weights": Words("Correlation with equal weights.", "用等权重的卷积核做互相关。"),
    "squares": Words(
        "The sum of the squares by the sum of the numbers.",
        "窗口内的平方和除以总和。",
    ),
    "zeros_as_transposed": Words(
        "One transposed convolution, k = {k}, s = {s}, p = {p}, op = {op}, with the flipped "
        "kernel. It multiplies no inserted zeros.",
        "一个转置卷积：k = {k}，s = {s}，p = {p}，op = {op}，卷积核翻转。它省去了与插入的零相乘。",
    ),
    "nearest_as_transposed": Words(
        "One transposed convolution, k = {k}, s = {s}, p = {p}, whose kernel is the flipped kernel "
        "convolved with a box: {few} multiplications for each input instead of {many}.",
        "一个转置卷积：k = {k}，s = {s}，p = {p}，其卷积核是翻转后的卷积核与全 1 方块的卷积："
        "每个输入只需 {few} 次乘法，而不是 {many} 次。",
    ),
    "bilinear_as_transposed": Words(
        "Inside, one transposed convolution, k = {k}, s = {s}, p = {p}. At the border it meets "
        "zeros, where bilinear repeats the edge.",
        "在内部等于一个转置卷积：k = {k}，s = {s}，p = {p}。在边界处它遇到的是零，"
        "而双线性插值重复边缘像素。",
    ),
    "convolved_first": Words(
        "The 1 x 1 convolution first, then the upsampling: {times} times fewer multiplications.",
        "先做 1 x 1 卷积，再上采样：乘法次数减为 {times} 分之一。",
    ),
    "by_zero_insertion": Words(
        "Zero insertion, then an ordinary convolution with the flipped kernel.",
        "先插零，再用翻转后的卷积核做普通互相关。",
    ),
    "transposed_matrix": Words(
        "The transpose, {rows} x {columns}, of the matrix of a convolution with this kernel.",
        "同一卷积核的卷积矩阵的转置（{rows} x {columns}）。",
    ),
    "by_shuffle": Words(
        "A 1 x 1 convolution to {channels} channels, then pixel shuffle.",
        "先用 1 x 1 卷积得到 {channels} 个通道，再做像素重组。",
    ),
    "equal_taps": Words(
        "Nearest neighbour, then a 1 x 1 convolution: all taps are equal.",
        "最近邻插值，再做 1 x 1 卷积：所有权重相等。",
    ),
    "one_hot_kernels": Words(
        "A transposed convolution of each channel, stride {s}, with a kernel of a single 1; added.",
        "对每个通道做步幅为 {s} 的转置卷积，卷积核只有一个 1，其余为零；再把结果相加。",
    ),
    "masked_nearest": Words(
        "The pooled map enlarged by nearest neighbour, and kept where the map has that number. Two "
        "equal maxima in a window are both kept; PyTorch keeps the first.",
        "把池化后的特征图用最近邻插值放大，只保留与原特征图数值相等之处。"
        "一个窗口中有两个相等的最大值时两者都会保留，而 PyTorch 只保留第一个。",
    ),
    "blurred_again": Words(
        "Blur the result with the kernel: is it the map again?",
        "用卷积核把结果再模糊一次：能变回特征图吗？",
    ),
    "other_deconvolution": Words(
        "The transposed convolution with the same kernel, a network's “deconvolution”, on the "
        "same map: does it restore?",
        "用同一卷积核对特征图做转置卷积，即网络中的“反卷积”：能复原吗？",
    ),
}

PRESET_WORDS = {
    "preset_sliding": Words("A kernel slides over a map", "卷积核在特征图上滑动"),
    "preset_full_convolution": Words("Full convolution", "完全卷积（full 模式）"),
    "preset_full_correlation": Words(
        "Full correlation = conv2d, padding 1", "完全互相关（full 模式）= conv2d，填充 1"
    ),
    "preset_sobel": Words("A Sobel kernel finds an edge", "Sobel 算子检测边缘"),
    "preset_strided": Words("Stride 2 halves the map", "步幅 2 使尺寸减半"),
    "preset_dilated": Words("Dilation 2 covers 5 x 5", "膨胀率 2 覆盖 5 x 5"),
    "preset_matrix": Words("A convolution as a 4 x 16 matrix", "卷积写成 4 x 16 矩阵"),
    "preset_transposed_matrix": Words("Its transpose: 2 x 2 to 4 x 4", "它的转置：2 x 2 变 4 x 4"),
    "preset_one_dimension": Words("One dimension, stride 2", "一维，步幅 2"),
    "preset_copies_add": Words("Where copies overlap, they add", "重叠处相加"),
    "preset_insert_zeros": Words("Zero insertion", "插零"),
    "preset_zeros_then_kernel": Words("Zero insertion, then 3 x 3", "插零后接 3 x 3 卷积"),
    "preset_uneven_overlap": Words(
        "Overlap 1, 2, 4: kernel 3, stride 2", "重叠 1、2、4：卷积核 3，步幅 2"
    ),
    "preset_even_overlap_2": Words(
        "Even overlap: kernel 2, stride 2", "重叠均匀：卷积核 2，步幅 2"
    ),
    "preset_even_overlap_4": Words(
        "Even overlap inside: kernel 4, stride 2", "内部重叠均匀：卷积核 4，步幅 2"
    ),
    "preset_checkerboard": Words("A checkerboard without overlap", "没有重叠的棋盘效应"),
    "preset_nearest_then_kernel": Words(
        "Nearest, then 3 x 3, as one kernel of 4 x 4", "最近邻插值接 3 x 3 = 一个 4 x 4 转置卷积"
    ),
    "preset_nearest": Words("Nearest neighbour", "最近邻插值"),
    "preset_shuffle_as_transposed": Words(
        "Pixel shuffle of a 1 x 1 convolution", "1 x 1 卷积的像素重组"
    ),
    "preset_shuffle": Words("Pixel shuffle of four channels", "四个通道的像素重组"),
    "preset_bilinear": Words("Bilinear", "双线性插值"),
    "preset_one_by_one": Words(
        "Bilinear and a 1 x 1 convolution, in either order", "双线性插值与 1 x 1 卷积可交换顺序"
    ),
    "preset_max": Words("Max pooling halves a map", "最大池化使尺寸减半"),
    "preset_mean": Words("Mean pooling", "平均池化"),
    "preset_dot": Words("Max pooling: two dots", "最大池化：两个亮点"),
    "preset_moved_dot": Words("The dots moved inside their windows", "亮点在窗口内移动"),
    "preset_stochastic": Words("Stochastic pooling", "随机池化"),
    "preset_unpool": Words("Unpooling puts maxima back", "反池化把最大值放回原处"),
    "preset_wiener": Words("Wiener deconvolution restores", "维纳反卷积复原图像"),
}

REFUSAL_WORDS = {
    "refused_unknown_operation": Words(
        "The operation “{text}” is unknown. Take one of {names}.",
        "没有名为“{text}”的运算。可选：{names}。",
    ),
    "refused_unknown_example": Words(
        "The example “{text}” is unknown. Choose one from the list.",
        "没有名为“{text}”的示例。请从列表中选择。",
    ),
    "refused_not_a_number": Words(
        "The {name} holds “{text}” in row {row}, column {column}. Type a number such as 3 or -0.5.",
        "{name}的第 {row} 行第 {column} 列是“{text}”。请输入数字，例如 3 或 -0.5。",
    ),
    "refused_not_whole": Words(
        "{name} is “{text}”. Take a whole number.",
        "{name}是“{text}”。请输入整数。",
    ),
    "refused_not_a_value": Words(
        "{name} is “{text}”. Take a number such as 0.01.",
        "{name}是“{text}”。请输入数字，例如 0.01。",
    ),
    "refused_ragged": Words(
        "The {name} has rows of {lengths} numbers. Give every row as many.",
        "{name}各行的数字个数为 {lengths}。每行的个数必须相同。",
    ),
    "refused_array_size": Words(
        "The {name} has {rows} x {columns} numbers. Take 1 x 1 to {largest} x {largest}.",
        "{name}有 {rows} x {columns} 个数。请取 1 x 1 到 {largest} x {largest}。",
    ),
    "refused_number_range": Words(
        "The {name} holds the number {value:g}. Take numbers from -1000000 to 1000000.",
        "{name}中有数字 {value:g}。请取 -1000000 到 1000000 之间的数。",
    ),
    "refused_parameter_range": Words(
        "{name} is {value}. Take {low} to {high}.",
        "{name}为 {value}。请取 {low} 到 {high}。",
    ),
    "refused_noise_range": Words(
        "The noise is {value}. Take 0 to 1000000.",
        "噪声为 {value}。请取 0 到 1000000。",
    ),
    "refused_range": Words(
        "i={i}, k={k}, s={s}, p={p}, d={d}: p must be 0 or more, and all others 1 or more.",
        "i={i}，k={k}，s={s}，p={p}，d={d}：p 至少为 0，其余至少为 1。",
    ),
    "refused_kernel_too_large": Words(
        "The kernel covers {covered} pixels (k={k}, d={d}), but the padded map has {padded} "
        "(i={i}, p={p}). Take a larger map or padding, or a smaller kernel or dilation.",
        "卷积核覆盖 {covered} 个像素（k={k}，d={d}），而填充后的特征图只有 {padded} 个"
        "（i={i}，p={p}）。请增大特征图或填充，或减小卷积核或膨胀率。",
    ),
    "refused_pool_padding": Words(
        "The padding p={p} is more than half of the pooling window k={k}. Take a smaller padding "
        "or a larger window.",
        "填充 p={p} 超过池化窗口 k={k} 的一半。请减小填充或增大窗口。",
    ),
    "refused_output_padding": Words(
        "The output padding op={op} must be 0 or more, and below the larger of stride and "
        "dilation, max(s={s}, d={d}) = {largest}.",
        "输出填充 op={op} 至少为 0，并且必须小于步幅和膨胀率中较大者，"
        "即 max(s={s}, d={d}) = {largest}。",
    ),
    "refused_empty": Words(
        "i={i}, k={k}, s={s}, p={p}, d={d}, op={op} gives the output size {size}. Take a larger "
        "map or kernel, or a smaller padding.",
        "i={i}，k={k}，s={s}，p={p}，d={d}，op={op} 得到的输出大小为 {size}。"
        "请增大特征图或卷积核，或减小填充。",
    ),
    "refused_even_kernel": Words(
        "The kernel is {k}. After an upsampling it must have odd sides, so that it can be centred.",
        "卷积核为 {k}。上采样之后的卷积核边长必须是奇数，才能居中。",
    ),
    "refused_channels": Words(
        "The map has {rows} rows, which are not {channels} channels of the same height "
        "(s={s}). Take a multiple of {channels}.",
        "特征图有 {rows} 行，无法分成等高的 {channels} 个通道（s={s}）。"
        "请把行数改为 {channels} 的倍数。",
    ),
    "refused_kernel_beyond_map": Words(
        "The kernel, {kernel}, is larger than the map, {map}. Take a larger map or a smaller "
        "kernel.",
        "卷积核 {kernel} 大于特征图 {map}。请增大特征图或减小卷积核。",
    ),
    "refused_lost_frequency": Words(
        "The blur of this kernel loses a frequency, and without noise it cannot be divided by 0. "
        "Take a noise above 0, such as 0.01.",
        "该卷积核的模糊丢失了某个频率，噪声为 0 时会除以 0。请取大于 0 的噪声，例如 0.01。",
    ),
    "refused_zero_kernel": Words(
        "All numbers of the kernel are 0. Take a kernel that is not.",
        "卷积核的数全为 0。请换一个不全为 0 的卷积核。",
    ),
}

WORDS: dict[str, Words] = {
    **OPERATION_WORDS,
    **PARAMETER_WORDS,
    **PAGE_WORDS,
    **OTHER_WORDS,
    **PRESET_WORDS,
    **REFUSAL_WORDS,
}
