"""Kernels of `fwp.kernels.triton_chunked`, which has the equations."""

import triton
import triton.language as tl

from fwp.kernels.triton_tiles import sigmoid

SIZES = ["T", "H"]  # numbers that do not choose the code


@triton.jit
def _features(x, inside, MAP: tl.constexpr):
    """Features of a tile of queries or keys [C, K], and what elu_sum multiplies by [C, 1]."""
    scale = tl.full([x.shape[0], 1], 1.0, x.dtype)
    if MAP > 0:
        x = tl.where(inside, tl.where(x > 0, x + 1, tl.exp(x)), 0.0)
    if MAP == 2:
        total = tl.sum(x, 1, keep_dims=True)
        scale = 1 / tl.where(total > 0, total, 1.0)
        x *= scale
    return x, scale


@triton.jit
def _of_features(dy, y, scale, MAP: tl.constexpr):
    """The gradient of queries or keys from that of their features y."""
    if MAP == 2:
        dy -= tl.sum(dy * y, 1, keep_dims=True)
    if MAP > 0:
        dy *= tl.minimum(y, scale)
    return dy


@triton.jit
def _rates(beta_, at, given, GATE: tl.constexpr):
    """β of a chunk, and its slope; 0 after the end."""
    beta = tl.load(beta_ + at, given, 0.0)
    slope = tl.full(beta.shape, 1.0, beta.dtype)
    if GATE > 0:
        share = sigmoid(beta)
        beta = tl.where(given, GATE * share, 0.0)
        slope = beta * (1 - share)
    return beta, slope


@triton.jit
def _decays(w_, at, given):
    """The decay w of a chunk's steps, and the sum of its logarithms from the start on."""
    w = tl.load(w_ + at, given, 1.0)
    return w, tl.cumsum(tl.log(tl.maximum(w, 1e-38)), 0).to(w.dtype)


@triton.jit
def _between(logs, seen):
    """E [C, C]: the decay from step j to step i where `seen`, else 0."""
    return tl.where(seen, tl.exp(tl.where(seen, logs[:, None] - logs[None, :], 0.0)), 0.0)


@triton.jit
def _last(logs, C: tl.constexpr):
    return tl.sum(tl.where(tl.arange(0, C) == C - 1, logs, 0.0), 0).to(logs.dtype)


@triton.jit(do_not_specialize=SIZES)
def invert(
    k_, beta_, w_, inverse_, T, H, K, k_b, k_t, k_h, beta_b, beta_t, beta_h, w_b, w_t, w_h,
    C: tl.constexpr, KEYS: tl.constexpr,
    MAP: tl.constexpr, GATE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """(I + A)⁻¹ of a chunk: row by row in blocks of 16 steps, and from block to block.

    Both are forward substitutions. Powers of A would cancel each other where keys are alike.
    """
    SIDE: tl.constexpr = 16
    BLOCKS: tl.constexpr = C // SIDE
    c, n = tl.program_id(0), tl.program_id(1).to(tl.int64)
    b, h = n // H, n % H
    i, d = tl.arange(0, C), tl.arange(0, KEYS)
    t = c * C + i
    inside = (t < T)[:, None] & (d < K)[None, :]
    k = tl.load(k_ + b * k_b + h * k_h + t[:, None] * k_t + d[None, :], inside, 0.0)
    k, _ = _features(k, inside, MAP)
    beta, _ = _rates(beta_ + b * beta_b + h * beta_h, t * beta_t, t < T, GATE)
    before = i[:, None] > i[None, :]
    A = tl.dot(k, tl.trans(k), input_precision=PRECISION)
    if w_ is not None:
        _, logs = _decays(w_ + b * w_b + h * w_h, t * w_t, t < T)
        A *= _between(logs, before)
    A = tl.where(before, A * beta[:, None], 0.0)

    block = tl.arange(0, BLOCKS)
    same = block[:, None, None, None] == block[None, None, :, None]
    X = -tl.sum(tl.where(same, tl.reshape(A, [BLOCKS, SIDE, BLOCKS, SIDE]), 0.0), 2)
    row = tl.arange(0, SIDE)[None, :, None]
    for r in range(2, SIDE):
        new = tl.sum(tl.where(row == r, X, 0.0), 1)
        new += tl.sum(new[:, :, None] * X, 1)
        X = tl.where(row == r, new[:, None, :], X)
    X += tl.where(row == tl.arange(0, SIDE)[None, None, :], 1.0, 0.0)
    X = tl.reshape(tl.where(same, X[:, :, None, :], 0.0), [C, C])
    across = tl.where((i // SIDE)[:, None] > (i // SIDE)[None, :], A, 0.0)
    N = tl.dot(X, across, input_precision=PRECISION)
    Y = X
    for _ in range(BLOCKS - 1):
        Y = X - tl.dot(N, Y, input_precision=PRECISION)
    at = (n * tl.num_programs(0) + c) * C * C + i[:, None] * C + i[None, :]
    tl.store(inverse_ + at, Y)


@triton.jit(do_not_specialize=SIZES)
def forward(
    q_, k_, v_, beta_, w_, inverse_, S_0, y_, u_, states_, S_T, T, H, K, V,
    q_b, q_t, q_h, k_b, k_t, k_h, v_b, v_t, v_h, beta_b, beta_t, beta_h, w_b, w_t, w_h,
    C: tl.constexpr, KEYS: tl.constexpr, VALUES: tl.constexpr,
    MAP: tl.constexpr, GATE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Outputs, U and the states before all chunks, chunk after chunk."""
    n = tl.program_id(1).to(tl.int64)
    b, h = n // H, n % H
    i, d = tl.arange(0, C), tl.arange(0, KEYS)
    j = tl.program_id(0) * VALUES + tl.arange(0, VALUES)
    chunks = tl.cdiv(T, C)
    tile = d[:, None] * V + j[None, :]
    real = (d < K)[:, None] & (j < V)[None, :]
    until = i[:, None] >= i[None, :]
    q_ += b * q_b + h * q_h
    k_ += b * k_b + h * k_h
    v_ += b * v_b + h * v_h
    out = (b * T * H + h) * V
    S = tl.load(S_0 + n * K * V + tile, real, 0.0)
    for c in range(chunks):
        if states_ is not None:
            tl.store(states_ + (n * chunks + c) * K * V + tile, S, real)
        t = c * C + i
        keyed = (t < T)[:, None] & (d < K)[None, :]
        valued = (t < T)[:, None] & (j < V)[None, :]
        q = tl.load(q_ + t[:, None] * q_t + d[None, :], keyed, 0.0)
        k = tl.load(k_ + t[:, None] * k_t + d[None, :], keyed, 0.0)
        u = tl.load(v_ + t[:, None] * v_t + j[None, :], valued, 0.0)
        q, _ = _features(q, keyed, MAP)
        k, _ = _features(k, keyed, MAP)
        P = tl.where(until, tl.dot(q, tl.trans(k), input_precision=PRECISION), 0.0)
        y = tl.dot(q, S, input_precision=PRECISION)
        if w_ is not None:
            _, logs = _decays(w_ + b * w_b + h * w_h, t * w_t, t < T)
            P *= _between(logs, until)
            y *= tl.exp(logs)[:, None]
        if beta_ is not None:
            beta, _ = _rates(beta_ + b * beta_b + h * beta_h, t * beta_t, t < T, GATE)
            seen = tl.dot(k, S, input_precision=PRECISION)
            if w_ is not None:
                seen *= tl.exp(logs)[:, None]
            X = tl.load(inverse_ + (n * chunks + c) * C * C + i[:, None] * C + i[None, :])
            u = tl.dot(X, beta[:, None] * (u - seen), input_precision=PRECISION)
        y += tl.dot(P, u, input_precision=PRECISION)
        at = t.to(tl.int64)[:, None] * H * V + j[None, :]
        tl.store(y_ + out + at, y, valued)
        if u_ is not None:
            tl.store(u_ + out + at, u, valued)
        if w_ is not None:
            end = _last(logs, C)
            k *= tl.exp(end - logs)[:, None]
            S *= tl.exp(end)
        S += tl.dot(tl.trans(k), u, input_precision=PRECISION)
    tl.store(S_T + n * K * V + tile, S, real)


@triton.jit(do_not_specialize=SIZES)
def backward_states(
    q_, k_, beta_, w_, inverse_, dy_, dS_T, dr_, G_, dS_0, T, H, K, V,
    q_b, q_t, q_h, k_b, k_t, k_h, beta_b, beta_t, beta_h, w_b, w_t, w_h,
    dy_b, dy_t, dy_h, dr_b, dr_t, dr_h,
    C: tl.constexpr, KEYS: tl.constexpr, VALUES: tl.constexpr,
    MAP: tl.constexpr, GATE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The gradient of the state after each chunk, and dR (dV of linear attention)."""
    n = tl.program_id(1).to(tl.int64)
    b, h = n // H, n % H
    i, d = tl.arange(0, C), tl.arange(0, KEYS)
    j = tl.program_id(0) * VALUES + tl.arange(0, VALUES)
    chunks = tl.cdiv(T, C)
    tile = d[:, None] * V + j[None, :]
    real = (d < K)[:, None] & (j < V)[None, :]
    until = i[:, None] >= i[None, :]
    q_ += b * q_b + h * q_h
    k_ += b * k_b + h * k_h
    dy_ += b * dy_b + h * dy_h
    dr_ += b * dr_b + h * dr_h
    G = tl.zeros([KEYS, VALUES], q_.dtype.element_ty)
    if dS_T is not None:
        G += tl.load(dS_T + n * K * V + tile, real, 0.0)
    for back in range(chunks):
        c = chunks - 1 - back
        tl.store(G_ + (n * chunks + c) * K * V + tile, G, real)
        t = c * C + i
        keyed = (t < T)[:, None] & (d < K)[None, :]
        valued = (t < T)[:, None] & (j < V)[None, :]
        q = tl.load(q_ + t[:, None] * q_t + d[None, :], keyed, 0.0)
        k = tl.load(k_ + t[:, None] * k_t + d[None, :], keyed, 0.0)
        dy = tl.load(dy_ + t[:, None] * dy_t + j[None, :], valued, 0.0)
        q, _ = _features(q, keyed, MAP)
        k, _ = _features(k, keyed, MAP)
        P = tl.where(until, tl.dot(q, tl.trans(k), input_precision=PRECISION), 0.0)
        du = tl.dot(k, G, input_precision=PRECISION)
        if w_ is not None:
            _, logs = _decays(w_ + b * w_b + h * w_h, t * w_t, t < T)
            end = _last(logs, C)
            P *= _between(logs, until)
            du *= tl.exp(end - logs)[:, None]
            G *= tl.exp(end)
            q *= tl.exp(logs)[:, None]
            k *= tl.exp(logs)[:, None]
        du += tl.dot(tl.trans(P), dy, input_precision=PRECISION)
        G += tl.dot(tl.trans(q), dy, input_precision=PRECISION)
        if beta_ is not None:
            beta, _ = _rates(beta_ + b * beta_b + h * beta_h, t * beta_t, t < T, GATE)
            X = tl.load(inverse_ + (n * chunks + c) * C * C + i[None, :] * C + i[:, None])
            du = tl.dot(X, du, input_precision=PRECISION)
            G -= tl.dot(tl.trans(k), beta[:, None] * du, input_precision=PRECISION)
        tl.store(dr_ + t[:, None] * dr_t + j[None, :], du, valued)
    if dS_0 is not None:
        tl.store(dS_0 + n * K * V + tile, G, real)


@triton.jit(do_not_specialize=SIZES)
def backward_inputs(
    q_, k_, v_, beta_, w_, u_, states_, G_, dy_, dr_, dq_, dk_, dv_, d_beta_, dw_, T, H, K, V,
    q_b, q_t, q_h, k_b, k_t, k_h, v_b, v_t, v_h, beta_b, beta_t, beta_h, w_b, w_t, w_h,
    u_b, u_t, u_h, dy_b, dy_t, dy_h, dr_b, dr_t, dr_h, dq_b, dq_t, dq_h, dk_b, dk_t, dk_h,
    dv_b, dv_t, dv_h, d_beta_b, d_beta_t, d_beta_h, dw_b, dw_t, dw_h,
    C: tl.constexpr, KEYS: tl.constexpr, VALUES: tl.constexpr,
    MAP: tl.constexpr, GATE: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The gradients of all inputs of a chunk, from the states around it."""
    c, n = tl.program_id(0), tl.program_id(1).to(tl.int64)
    b, h = n // H, n % H
    i, d = tl.arange(0, C), tl.arange(0, KEYS)
    t = c * C + i
    keyed = (t < T)[:, None] & (d < K)[None, :]
    until, before = i[:, None] >= i[None, :], i[:, None] > i[None, :]
    q = tl.load(q_ + b * q_b + h * q_h + t[:, None] * q_t + d[None, :], keyed, 0.0)
    k = tl.load(k_ + b * k_b + h * k_h + t[:, None] * k_t + d[None, :], keyed, 0.0)
    q, q_scale = _features(q, keyed, MAP)
    k, k_scale = _features(k, keyed, MAP)
    dtype = q.dtype
    E = tl.where(until, 1.0, 0.0).to(dtype)
    if w_ is not None:
        w, logs = _decays(w_ + b * w_b + h * w_h, t * w_t, t < T)
        E = _between(logs, until)
        start, end = tl.exp(logs)[:, None], _last(logs, C)
        rest = tl.exp(end - logs)[:, None]
        d_logs, tail = tl.zeros([C], dtype), 0.0
    D, dq, dk = tl.zeros([C, C], dtype), tl.zeros([C, KEYS], dtype), tl.zeros([C, KEYS], dtype)
    if beta_ is not None:
        beta, slope = _rates(beta_ + b * beta_b + h * beta_h, t * beta_t, t < T, GATE)
        alike = tl.dot(k, tl.trans(k), input_precision=PRECISION)
        alike = tl.where(before, alike * E, 0.0)
        M, d_beta = tl.zeros([C, C], dtype), tl.zeros([C], dtype)
    chunk = (n * tl.num_programs(0) + c) * K * V
    for first in range(0, V, VALUES):
        j = first + tl.arange(0, VALUES)
        valued = (t < T)[:, None] & (j < V)[None, :]
        tile, real = d[:, None] * V + j[None, :], (d < K)[:, None] & (j < V)[None, :]
        S = tl.load(states_ + chunk + tile, real, 0.0)
        G = tl.load(G_ + chunk + tile, real, 0.0)
        u = tl.load(u_ + b * u_b + h * u_h + t[:, None] * u_t + j[None, :], valued, 0.0)
        dy = tl.load(dy_ + b * dy_b + h * dy_h + t[:, None] * dy_t + j[None, :], valued, 0.0)
        D += tl.dot(dy, tl.trans(u), input_precision=PRECISION)
        from_q = tl.dot(dy, tl.trans(S), input_precision=PRECISION)
        from_k = tl.dot(u, tl.trans(G), input_precision=PRECISION)
        if w_ is not None:
            from_q *= start
            from_k *= rest
            tail += tl.sum(from_k * k) + tl.exp(end) * tl.sum(S * G)
        dq += from_q
        dk += from_k
        if beta_ is not None:
            v = tl.load(v_ + b * v_b + h * v_h + t[:, None] * v_t + j[None, :], valued, 0.0)
            dr = tl.load(dr_ + b * dr_b + h * dr_h + t[:, None] * dr_t + j[None, :], valued, 0.0)
            dv = beta[:, None] * dr
            at = b * dv_b + h * dv_h + t[:, None] * dv_t + j[None, :]
            tl.store(dv_ + at, dv, valued)
            M += tl.dot(dv, tl.trans(u), input_precision=PRECISION)
            of_state = tl.dot(dv, tl.trans(S), input_precision=PRECISION)
            seen = tl.dot(k, S, input_precision=PRECISION)
            if w_ is not None:
                of_state *= start
                seen *= start
                d_logs -= tl.sum(dv * v, 1)
            dk -= of_state
            seen += tl.dot(alike, u, input_precision=PRECISION)
            d_beta += tl.sum(dr * (v - seen), 1)
    D *= E
    dq += tl.dot(D, k, input_precision=PRECISION)
    dk += tl.dot(tl.trans(D), q, input_precision=PRECISION)
    if beta_ is not None:
        M = tl.where(before, M * E, 0.0)
        dk -= tl.dot(M + tl.trans(M), k, input_precision=PRECISION)
        at = b * d_beta_b + h * d_beta_h + t * d_beta_t
        tl.store(d_beta_ + at, d_beta * slope, t < T)
    if w_ is not None:
        d_logs += tl.sum(q * dq, 1)
        d_logs = tl.cumsum(d_logs, 0, reverse=True) + tail
        tl.store(dw_ + b * dw_b + h * dw_h + t * dw_t, d_logs / tl.maximum(w, 1e-38), t < T)
    dq = _of_features(dq, q, q_scale, MAP)
    dk = _of_features(dk, k, k_scale, MAP)
    tl.store(dq_ + b * dq_b + h * dq_h + t[:, None] * dq_t + d[None, :], dq, keyed)
    tl.store(dk_ + b * dk_b + h * dk_h + t[:, None] * dk_t + d[None, :], dk, keyed)
