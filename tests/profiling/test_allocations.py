"""Allocations are counted to the byte, in order, and what is given back is subtracted."""

from __future__ import annotations

import os

import torch

from specdec_lib.profiling.allocations import Allocations, count_allocations

MEBIBYTE = 2**20


def test_the_peak_is_what_was_held_at_once():
    with count_allocations() as counted:
        first = torch.empty(MEBIBYTE, dtype=torch.uint8)
        del first
        second = torch.empty(2 * MEBIBYTE, dtype=torch.uint8)
        third = torch.empty(3 * MEBIBYTE, dtype=torch.uint8)
        del second, third
    assert counted.num_bytes == [size * MEBIBYTE for size in (1, -1, 2, 3, -2, -3)]
    assert counted.held_mb == [1, 0, 2, 5, 3, 0]
    assert (counted.peak_mb, counted.asked_mb) == (5.0, 6.0)
    assert counted.seconds[0] == 0.0 and counted.seconds == sorted(counted.seconds)


def test_an_outline_keeps_the_least_and_the_most_of_each_stretch():
    sizes = [size * MEBIBYTE for size in (4, -4, 1, 2, -2)]
    counted = Allocations([0.0, 0.1, 0.2, 0.3, 0.4], sizes)
    assert counted.held_mb == [4, 0, 1, 3, 1]
    assert counted.outline(2) == [(0.0, 0.0, 4.0), (0.3, 1.0, 3.0)]
    assert counted.outline() == [
        (at, mb, mb) for at, mb in zip(counted.seconds, counted.held_mb, strict=True)
    ]
    assert Allocations().outline() == []


def test_a_view_allocates_nothing():
    whole = torch.zeros(1000)
    with count_allocations() as counted:
        part = whole[10:20]
    assert part.numel() == 10 and counted.num_bytes == []
    assert (counted.peak_mb, counted.held_mb) == (0.0, [])


def test_what_was_held_before_is_not_seen_when_it_is_given_back():
    before = torch.empty(MEBIBYTE, dtype=torch.uint8)
    with count_allocations() as counted:
        del before
    assert counted.num_bytes == [] and counted.peak_mb == 0.0


def test_the_profiler_is_quiet_and_standard_error_comes_back(capfd):
    before = torch.empty(10)
    with count_allocations():
        del before
    assert capfd.readouterr().err == ""
    os.write(2, b"back\n")
    assert capfd.readouterr().err == "back\n"


def test_nothing_is_counted_before_the_block_has_ended():
    with count_allocations() as counted:
        _ = torch.empty(MEBIBYTE)
        assert counted == Allocations()
    assert counted.peak_mb == 4.0
