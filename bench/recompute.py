#!/usr/bin/env python3
"""Recomputes assignments from a configuration, independently of the edge.

    python3 bench/recompute.py <document.json> <devices.tsv>

reads lines of subject, experiment and variation, and says how many agree.
"""
import hashlib
import json
import sys
from decimal import Decimal


def bucket(subject, experiment):
    """The bucket in percent, 0 <= bucket < 100, with three decimals."""
    digest = hashlib.sha256((subject + experiment).encode()).digest()
    n = int.from_bytes(digest[:8], "big")
    return Decimal(n % 100) + Decimal(n // 100 % 1000) / 1000


def is_in(subject, experiment):
    """Whether the experiment's ramp lets the subject in."""
    levels = experiment.get("levels")
    if not levels:
        return True
    digest = hashlib.sha256((subject + experiment["id"] + "\0level").encode()).digest()
    place = int.from_bytes(digest[:8], "big") % 100000
    return place < experiment.get("current_level", levels[0]) * 1000


def variation(allocations, at):
    end = Decimal(0)
    for allocation in allocations:
        end += Decimal(str(allocation.get("weight", 0)))
        if at < end:
            return allocation["variation_id"]
    return None


document = json.load(open(sys.argv[1]))
experiments = {e["id"]: e for e in document["experiments"]}
agree = total = 0
for line in open(sys.argv[2]):
    subject, experiment, given = line.rstrip("\n").split("\t")
    expected = variation(experiments[experiment]["allocations"], bucket(subject, experiment))
    if not is_in(subject, experiments[experiment]):
        expected = None
    total += 1
    agree += expected == given
    if expected != given:
        print(f"{subject} in {experiment}: given {given}, expected {expected}")
print(f"{agree} of {total} agree")
sys.exit(agree != total or total == 0)
