"""Reads the figures at a URL with another program's parser until something was recorded, and checks
that they are figures to it and that the accounts balance."""

import sys
import time
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

TRIES = 300


def read(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        kind = answer.headers["Content-Type"]
        assert kind.startswith("text/plain; version=0.0.4"), kind
        return list(text_string_to_metric_families(answer.read().decode()))


def series(families, name):
    """Labels and value of each series of that name."""
    return [
        (sample.labels, sample.value)
        for family in families
        for sample in family.samples
        if sample.name == name
    ]


def total(families, name, source):
    return sum(value for labels, value in series(families, name) if labels["source"] == source)


url = sys.argv[1]
for _ in range(TRIES):
    families = read(url)
    frames = series(families, "ttyscope_camera_frames_total")
    if sum(value for _, value in frames) > 50 and series(families, "ttyscope_durable_age_seconds"):
        break
    time.sleep(0.1)
else:
    sys.exit("nothing was recorded")

for family in families:
    assert family.type in ("counter", "gauge", "summary"), family
    assert family.documentation, family
    assert family.name.startswith("ttyscope_"), family
sources = [labels["source"] for labels, _ in series(families, "ttyscope_link_up")]
assert len(sources) == len(set(sources)) > 1, sources
for source in sources:
    parts = ("shown_total", "recorded_only_total", "coalesced_total", "dropped_total", "in_flight")
    explained = sum(total(families, f"ttyscope_{part}", source) for part in parts)
    received = total(families, "ttyscope_received_total", source)
    assert received == explained > 0, (source, received, explained)
    assert series(families, "ttyscope_residue") and total(families, "ttyscope_residue", source) == 0
    lost = total(families, "ttyscope_recorder_lost_total", source)
    assert lost == 0, (source, lost)
states = {labels["state"]: value for labels, value in series(families, "ttyscope_recorder_state")}
assert states["recording"] == 1 and sum(states.values()) == 1, states
count = sum(len(family.samples) for family in families)
print(f"{len(families)} figures, {count} series of {len(sources)} sources; the accounts balance")
