import torch

from fwp import ops
from fwp.benchmarks import ops as benchmark


def test_every_op_and_usable_backend_is_timed_in_both_passes():
    rows = list(benchmark.measure(sizes=[4], times=[3], batch=2, heads=1, budget=0.0))
    assert {row["op"] for row in rows} == set(ops.names())
    for name in ops.names():
        timed = [(row["backend"], row["pass"]) for row in rows if row["op"] == name]
        assert len(timed) == len(set(timed))
        assert {("reference", "forward"), ("reference", "training")} <= set(timed)
    assert all(row["seconds"] > 0 and row["gflops"] > 0 for row in rows)


def test_floor_and_rate_follow_from_the_operations_counted():
    (row,) = (
        row
        for row in benchmark.measure(
            ["delta_rule"], sizes=[4], times=[3], backends=["reference"], batch=2, budget=0.0
        )
        if row["pass"] == "training"
    )
    operations = 3 * 2 * (3 * 4 * 4) * 2 * 3 * 4  # training · two · cost · batch · time · heads
    assert abs(row["gflops"] * row["seconds"] * 1e9 - operations) < 1e-6 * operations
    assert 0 < row["floor_seconds"] < row["seconds"]


def test_the_rate_of_a_matrix_product_is_that_of_a_computer():
    assert 1e8 < benchmark.matrix_product_rate(torch.float32) < 1e15
