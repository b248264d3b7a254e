"""Matrix products of a pack on the GPU, with what stands around them.

Models are narrow: a product with a matrix of 64 columns costs as much memory traffic as arithmetic,
and a bias, a ReLU or its gradient in a pass of its own costs as much again. Here they are part of
the product. Factors are float32 and split into two TF32 numbers each, a = a₁ + a₂ (22 bits of 24),
so that tensor cores can compute a₁b₁ + a₁b₂ + a₂b₁. What is dropped is below the rounding of sums:
results are as close to exact ones as those of cuBLAS in float32, and take 2/3 of the time.

Factors may be bfloat16 as well (see `fwp.kernels.precision`): sums are float32 all the same, as are
results unless another type is asked for. Tiles are larger then.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end

FEW = 4  # models for which gradients share kernels, as each alone leaves much of a GPU idle
BLOCKS = {"ROWS": 64, "COLUMNS": 64, "DEPTH": 32}
SMALL_BLOCKS = BLOCKS | {"ROWS": 32}  # for less tiles than multiprocessors
GRADIENT_BLOCKS = BLOCKS | {"ROWS": 128}
SMALL_GRADIENT_BLOCKS = BLOCKS  # for less than `MANY` tiles of weights
MANY = 24
LAUNCH = {"num_warps": 4, "num_stages": 3}
BFLOAT16 = {"ROWS": 128, "COLUMNS": 128, "DEPTH": 64}
BFLOAT16_LAUNCH = {"num_warps": 8, "num_stages": 3}
PROGRAMS = 264  # two for each multiprocessor of a large GPU


def as_rows(x: Tensor, weight: Tensor) -> Tensor:
    """Sequences [R·B, T, D] as rows [R, B·T, D]."""
    return contiguous_end(x, 3).view(len(weight), -1, x.shape[-1])


def product(
    a: Tensor,
    b: Tensor,
    *,
    bias: Tensor | None = None,
    relu: bool = False,
    where: Tensor | None = None,
    added: Tensor | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """a b + bias for each of R models [R, M, N].

    Args:
        a: [R, M, K], contiguous.
        b: [R, K, N].
        bias: [R, N].
        relu: whether negative results become 0.
        where: [R, M, N], contiguous; where it is not positive the result is 0.
        added: [R, M, N], contiguous; added to the result in the end.
        dtype: of the result; None for that of the sums.
    """
    if _in_torch(a):
        return _product_in_torch(a, b, bias, relu, where, added)
    (R, M, K), N = a.shape, b.shape[-1]
    blocks, launch = _blocks(R, M, N), LAUNCH
    if a.dtype == torch.bfloat16:
        blocks, launch = _bfloat16(R, M, N)
    elif b.stride(1) != 1 and blocks is BLOCKS:
        b = b.mT.contiguous().mT  # tensor cores take the TF32 of large tiles along the sum only
    y = a.new_empty(R, M, N, dtype=dtype or torch.float32)
    if bias is not None:
        bias = bias.contiguous()
    blocks = blocks | {"COLUMNS": _at_most(blocks["COLUMNS"], N)}
    grid = (triton.cdiv(M, blocks["ROWS"]) * triton.cdiv(N, blocks["COLUMNS"]), R)
    _product[grid](a, b, bias, where, added, y, M, N, K, *b.stride(), RELU=relu, **blocks, **launch)
    return y


def _bfloat16(R: int, M: int, N: int) -> tuple[dict[str, int], dict[str, int]]:
    """Blocks and launch of products of bfloat16: as `_blocks`."""
    tiles = R * triton.cdiv(M, BFLOAT16["ROWS"]) * triton.cdiv(N, BFLOAT16["COLUMNS"])
    if tiles < PROGRAMS // 2:
        return BLOCKS, LAUNCH
    return BFLOAT16, BFLOAT16_LAUNCH


def _blocks(R: int, M: int, N: int) -> dict[str, int]:
    """Blocks of the products [M, N] of R models: small ones where large ones would be few."""
    tiles = R * triton.cdiv(M, BLOCKS["ROWS"]) * triton.cdiv(N, BLOCKS["COLUMNS"])
    return SMALL_BLOCKS if tiles < PROGRAMS // 2 else BLOCKS


def _in_torch(x: Tensor) -> bool:
    return x.dtype == torch.float64


def _at_most(block: int, size: int) -> int:
    """A block no larger than needed for so many numbers; a product takes at least 16."""
    return min(block, max(16, triton.next_power_of_2(size)))


def _product_in_torch(a, b, bias, relu, where, added) -> Tensor:
    y = a @ b if bias is None else torch.baddbmm(bias.unsqueeze(1), a, b)
    if relu:
        y = y.relu_()
    if where is not None:
        y = y * (where > 0)
    return y if added is None else y + added


def weight_gradients(dy: Tensor, x: Tensor, biased: bool) -> tuple[Tensor, Tensor | None]:
    """dyᵀ x [R, O, I], and the sum of dy [R, O] if there is a bias.

    Args:
        dy: [R, M, O], contiguous.
        x: [R, M, I], contiguous.
        biased: whether to add up dy.
    """
    if _in_torch(x):
        return dy.mT @ x, dy.sum(1) if biased else None
    _, dw, db = _gradients_in_one(dy, x, None, biased)
    return dw, db


def gradients(
    dy: Tensor, x: Tensor, weight: Tensor, biased: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """What `weight_gradients` returns, after the gradient of x, dy W [R, M, I].

    Args:
        dy, x, biased: as for `weight_gradients`.
        weight: W [R, O, I].
    """
    if _in_torch(x):
        return dy @ weight, *weight_gradients(dy, x, biased)
    if x.dtype == torch.bfloat16 or _blocks(*x.shape) is BLOCKS:
        return product(dy, weight), *weight_gradients(dy, x, biased)
    return _gradients_in_one(dy, x, weight, biased)


def two_weight_gradients(
    first: tuple[Tensor, Tensor, bool],
    second: tuple[Tensor, Tensor, bool],
    rows: Tensor | None = None,
) -> tuple[tuple[Tensor, Tensor | None], tuple[Tensor, Tensor | None], Tensor | None]:
    """What `weight_gradients` returns for two products of as many positions; of few models at once.

    Args:
        first, second: the arguments of each.
        rows: [R, count, size], which are to be added up as well.

    Returns:
        The gradients of the first and of the second, and the sum of `rows` [R, size].
    """
    if _in_torch(first[0]) or len(first[0]) >= FEW:
        total = None if rows is None else rows.sum(1)
        return weight_gradients(*first), weight_gradients(*second), total
    blocks, launch = _of_sums(first[0], BLOCKS)
    one, two = _Sums(*first, blocks), _Sums(*second, blocks)
    (R, M, _), tiles = first[0].shape, one.tiles + two.tiles
    parts = _parts(R, M, tiles, blocks)
    sums = first[0].new_empty(R, parts, one.size + two.size, dtype=torch.float32)
    total = None if rows is None else rows.new_empty(R, rows.shape[-1])
    count, width = (0, 16) if rows is None else rows.shape[1:]
    _two_gradients[tiles * parts + (rows is not None), R](
        *one.factors, *two.factors, sums, rows, total, M, one.size + two.size, parts, count,
        *one.sizes, one.tiles, one.size, *two.sizes, two.tiles,
        FIRST=one.kind, SECOND=two.kind, WIDTH=width, BLOCK=triton.next_power_of_2(width),
        DEPTH=blocks["DEPTH"], **launch,
    )  # fmt: skip
    added = sums.squeeze(1) if parts == 1 else sums.sum(1)
    return one.split(added[:, : one.size]), two.split(added[:, one.size :]), total


class _Sums:
    """The sums over positions that are the gradients of a product's weight and bias.

    Args:
        dy, x, biased: as for `weight_gradients`.
        blocks: of a tile.
    """

    def __init__(self, dy: Tensor, x: Tensor, biased: bool, blocks: dict[str, int] = BLOCKS):
        # The wider factor on the left, where tiles are larger.
        swapped = x.shape[-1] > dy.shape[-1]
        self.factors = (x, dy) if swapped else (dy, x)
        self.shape, self.biased = (dy.shape[-1], x.shape[-1]), biased
        self.sizes = K, N = self.factors[0].shape[-1], self.factors[1].shape[-1]
        self.size = K * N + (dy.shape[-1] if biased else 0)
        rows, columns = _at_most(blocks["ROWS"], K), _at_most(blocks["COLUMNS"], N)
        self.tiles = triton.cdiv(K, rows) * triton.cdiv(N, columns)
        self.kind = (biased, not swapped, rows, columns)

    def split(self, total: Tensor) -> tuple[Tensor, Tensor | None]:
        """The gradients [R, O, I] and [R, O] in a row of all sums."""
        numbers = self.shape[0] * self.shape[1]
        dw = total[:, :numbers].unflatten(1, self.shape)
        return dw, total[:, numbers:] if self.biased else None


def _parts(R: int, M: int, tiles: int, blocks: dict[str, int]) -> int:
    """Parts of the positions: each program leaves the sum over one, and PyTorch adds them up."""
    return max(1, min(PROGRAMS // (R * tiles), M // (4 * blocks["DEPTH"])))


def _of_sums(x: Tensor, blocks: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Blocks and launch of sums over positions; `blocks` are for float32."""
    return (BFLOAT16, BFLOAT16_LAUNCH) if x.dtype == torch.bfloat16 else (blocks, LAUNCH)


def _gradients_in_one(dy: Tensor, x: Tensor, weight: Tensor | None, biased: bool):
    R, M, O = dy.shape  # noqa: E741
    tiles = R * triton.cdiv(O, BLOCKS["ROWS"]) * triton.cdiv(x.shape[-1], BLOCKS["COLUMNS"])
    blocks = SMALL_GRADIENT_BLOCKS if tiles < MANY else GRADIENT_BLOCKS
    blocks, launch = _of_sums(x, blocks)
    own, inputs = _Sums(dy, x, biased, blocks), x.shape[-1]
    parts = _parts(R, M, own.tiles, blocks)
    sums = x.new_empty(R, parts, own.size, dtype=torch.float32)
    dx, tiles, columns = None, 0, 16
    if weight is not None:
        dx, columns = torch.empty_like(x), _at_most(SMALL_BLOCKS["COLUMNS"], inputs)
        tiles = triton.cdiv(M, SMALL_BLOCKS["ROWS"]) * triton.cdiv(inputs, columns)
    _gradients[own.tiles * parts + tiles, R](
        *own.factors, sums, M, *own.sizes, own.size, own.tiles, parts,
        dy, weight, dx, O, inputs, *((0, 0, 0) if weight is None else weight.stride()),
        KIND=own.kind, DEPTH=blocks["DEPTH"],
        INPUT_ROWS=SMALL_BLOCKS["ROWS"], INPUT_COLUMNS=columns, INPUT_DEPTH=SMALL_BLOCKS["DEPTH"],
        **launch,
    )  # fmt: skip
    return dx, *own.split(sums.squeeze(1) if parts == 1 else sums.sum(1))


@triton.jit
def _tile_of_product(
    tile, a_, b_, bias, where, added, y, M, N: tl.constexpr, K: tl.constexpr,
    b_k: tl.constexpr, b_n: tl.constexpr,
    RELU: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    across = tl.cdiv(N, COLUMNS)
    m = (tile // across) * ROWS + tl.arange(0, ROWS)
    n = (tile % across) * COLUMNS + tl.arange(0, COLUMNS)
    k = tl.arange(0, DEPTH)
    a_ += m.to(tl.int64)[:, None] * K + k[None, :]
    b_ += k[:, None] * b_k + n[None, :] * b_n
    total = tl.zeros([ROWS, COLUMNS], tl.float32)
    for start in range(0, K, DEPTH):
        a = tl.load(a_ + start, (m < M)[:, None] & (start + k < K)[None, :], 0.0)
        b = tl.load(b_ + start * b_k, (start + k < K)[:, None] & (n < N)[None, :], 0.0)
        total = tl.dot(a, b, total, input_precision="tf32x3")
    if bias is not None:
        total += tl.load(bias + n, n < N, 0.0)[None, :]
    if RELU:
        total = tl.maximum(total, 0.0)
    at = m.to(tl.int64)[:, None] * N + n[None, :]
    inside = (m < M)[:, None] & (n < N)[None, :]
    if where is not None:
        total = tl.where(tl.load(where + at, inside, 0.0) > 0, total, 0.0)
    if added is not None:
        total += tl.load(added + at, inside, 0.0)
    tl.store(y + at, total, inside)


@triton.jit(do_not_specialize=["M"])
def _product(
    a_, b_, bias, where, added, y, M, N: tl.constexpr, K: tl.constexpr, b_r,
    b_k: tl.constexpr, b_n: tl.constexpr,
    RELU: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    r = tl.program_id(1).to(tl.int64)
    if bias is not None:
        bias += r * N
    if where is not None:
        where += r * M * N
    if added is not None:
        added += r * M * N
    _tile_of_product(
        tl.program_id(0), a_ + r * M * K, b_ + r * b_r, bias, where, added, y + r * M * N,
        M, N, K, b_k, b_n, RELU, ROWS, COLUMNS, DEPTH,
    )  # fmt: skip


@triton.jit
def _tile_of_sums(
    tile, part, parts, a_, b_, sums, M, K: tl.constexpr, N: tl.constexpr,
    KIND: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    """aᵀ b of some of the rows of a [M, K] and b [M, N], and the sum of one of them.

    Stored as [K, N] if the sum of a is wanted (`LEFT`), else as [N, K].
    """
    BIASED: tl.constexpr = KIND[0]
    LEFT: tl.constexpr = KIND[1]
    ROWS: tl.constexpr = KIND[2]
    COLUMNS: tl.constexpr = KIND[3]
    across = tl.cdiv(N, COLUMNS)
    row, column = tile // across, tile % across
    k = row * ROWS + tl.arange(0, ROWS)
    n = column * COLUMNS + tl.arange(0, COLUMNS)
    total = tl.zeros([ROWS, COLUMNS], tl.float32)
    added = tl.zeros([ROWS if LEFT else COLUMNS], tl.float32)
    for start in range(part * DEPTH, M, parts * DEPTH):
        m = (start + tl.arange(0, DEPTH)).to(tl.int64)
        a = tl.load(a_ + m[None, :] * K + k[:, None], (k < K)[:, None] & (m < M)[None, :], 0.0)
        b = tl.load(b_ + m[:, None] * N + n[None, :], (m < M)[:, None] & (n < N)[None, :], 0.0)
        total = tl.dot(a, b, total, input_precision="tf32x3")
        if BIASED:
            added += tl.sum(a.to(tl.float32), 1) if LEFT else tl.sum(b.to(tl.float32), 0)
    at = k[:, None] * N + n[None, :] if LEFT else n[None, :] * K + k[:, None]
    tl.store(sums + at, total, (k < K)[:, None] & (n < N)[None, :])
    if BIASED:
        if LEFT:
            tl.store(sums + K * N + k, added, (k < K) & (column == 0))
        else:
            tl.store(sums + K * N + n, added, (n < N) & (row == 0))


@triton.jit(do_not_specialize=["M", "tiles", "parts"])
def _gradients(
    a_, b_, sums, M, K: tl.constexpr, N: tl.constexpr, size: tl.constexpr, tiles, parts,
    dy, weight, dx, outputs: tl.constexpr, inputs: tl.constexpr,
    w_r, w_o: tl.constexpr, w_i: tl.constexpr,
    KIND: tl.constexpr, DEPTH: tl.constexpr,
    INPUT_ROWS: tl.constexpr, INPUT_COLUMNS: tl.constexpr, INPUT_DEPTH: tl.constexpr,
):  # fmt: skip
    """The first programs compute gradients of weights, the others that of the input."""
    program, r = tl.program_id(0), tl.program_id(1).to(tl.int64)
    if program < tiles * parts:
        part = program // tiles
        sums += (r * parts + part) * size
        _tile_of_sums(
            program % tiles, part, parts, a_ + r * M * K, b_ + r * M * N, sums, M, K, N,
            KIND, DEPTH,
        )  # fmt: skip
    elif weight is not None:
        _tile_of_product(
            program - tiles * parts, dy + r * M * outputs, weight + r * w_r, None, None, None,
            dx + r * M * inputs, M, inputs, outputs, w_o, w_i,
            False, INPUT_ROWS, INPUT_COLUMNS, INPUT_DEPTH,
        )  # fmt: skip


@triton.jit(do_not_specialize=["M", "parts", "count"])
def _two_gradients(
    a_1, b_1, a_2, b_2, sums, rows, total, M, size: tl.constexpr, parts, count,
    K_1: tl.constexpr, N_1: tl.constexpr, tiles_1: tl.constexpr, size_1: tl.constexpr,
    K_2: tl.constexpr, N_2: tl.constexpr, tiles_2: tl.constexpr,
    FIRST: tl.constexpr, SECOND: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr,
    DEPTH: tl.constexpr,
):  # fmt: skip
    """Programs for each of two gradients, and the last of a model for the sum of `rows`."""
    program, r = tl.program_id(0), tl.program_id(1).to(tl.int64)
    tiles: tl.constexpr = tiles_1 + tiles_2
    tile, part = program % tiles, program // tiles
    if part == parts:
        if rows is not None:
            n, added = tl.arange(0, BLOCK), tl.zeros([16, BLOCK], tl.float32)
            for start in range(0, count, 16):
                i = start + tl.arange(0, 16)
                at = (r * count + i)[:, None] * WIDTH + n[None, :]
                added += tl.load(rows + at, (i < count)[:, None] & (n < WIDTH)[None, :], 0.0)
            tl.store(total + r * WIDTH + n, tl.sum(added, 0), n < WIDTH)
    elif tile < tiles_1:
        _tile_of_sums(
            tile, part, parts, a_1 + r * M * K_1, b_1 + r * M * N_1,
            sums + (r * parts + part) * size, M, K_1, N_1, FIRST, DEPTH,
        )  # fmt: skip
    else:
        _tile_of_sums(
            tile - tiles_1, part, parts, a_2 + r * M * K_2, b_2 + r * M * N_2,
            sums + (r * parts + part) * size + size_1, M, K_2, N_2, SECOND, DEPTH,
        )  # fmt: skip
