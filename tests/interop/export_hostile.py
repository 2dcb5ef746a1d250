"""Writes a recording that no ttyscope made, with what other programs could put into one: texts that a
spreadsheet would take for formulas, numbers at the ends of their ranges, channels of encodings that
nobody knows, and names that want to leave the folder.

Usage: export_hostile.py FILE
"""

import json
import sys

from mcap.writer import Writer

TEXTS = [
    "=HYPERLINK(\"http://x\";\"y\")",
    "+1+1",
    "-2",
    "-2+3",
    "@SUM(A1:A9)",
    "'quoted'",
    "a,b\"c\"",
    "",
    "NA",
    "ümläut 漢字",
]
NUMBERS = [0, -1, 2**53 + 1, -(2**63), 2**63 - 1, 0.1, 1e300, 5e-324, -0.0, 1.0, 123456789.123456789]
START_NS = 1_795_183_402_123_456_789


def readings():
    """Every text and every number once, under names that are hostile too."""
    values = [(text, {"value": text}) for text in TEXTS]
    values += [(f"number {n}", {"value": n}) for n in NUMBERS]
    values += [(name, {"value": None, "special": name}) for name in ("NaN", "inf", "-inf")]
    values += [("on", {"value": True}), ("off", {"value": False})]
    return [{"name": name, "unit": "um", **value} for name, value in values]


def main():
    with open(sys.argv[1], "wb") as stream:
        writer = Writer(stream)
        writer.start()
        writer.add_metadata("a", {"=b": "@c", "d": "e,f"})
        schemas = {
            name: writer.register_schema(name, "jsonschema", b"{}")
            for name in ("ttyscope.Readings", "ttyscope.Book", "ttyscope.Message", "other.Thing")
        }
        sequence = 0

        def put(topic, schema, encoding, data):
            nonlocal sequence
            sequence += 1
            channel = writer.register_channel(topic, encoding, schemas.get(schema, 0))
            at = START_NS + sequence
            writer.add_message(channel, at, data, at - 1, sequence)

        def put_json(topic, schema, value, **how):
            put(topic, schema, "json", json.dumps(value, **how).encode())

        put_json("/a/readings", "ttyscope.Readings", {"readings": readings()})
        put_json("/a/readings", "ttyscope.Readings", {"readings": []})
        put_json("/../../readings", "ttyscope.Readings", {"readings": readings()}, indent=1)
        put_json("/a/event", "ttyscope.Message", {"name": "=x", "args": ["\u001b[2J", {"a": 1.50}]}, indent=2)
        put("/a/event", "ttyscope.Message", "json", b'{"name":"n","args":-12345678901234567890.10}')
        book = {
            "venue": "v", "symbol": "=S", "change": "delta", "price_scale": 8, "size_scale": 0,
            "bids": [["0.00000001", "100000000000000000000000000000000000001"], ["-1.50", "0"]],
            "asks": [], "frame": 2**64 - 1, "checksum": -(2**63), "seq_last": 2**63 - 1,
        }
        put_json("/a/book", "ttyscope.Book", book)
        put_json("/a/book", "ttyscope.Book", {**book, "bids": [], "change": "clear"})
        # Not what the schema says.
        put_json("/a/book", "ttyscope.Book", {"bids": 7})
        put("/a/book", "ttyscope.Book", "json", b"{ not JSON")
        put_json("/b/thing", "other.Thing", {"anything": [1, 2.50]})
        put("/b/thing", "other.Thing", "cbor", bytes(range(256)))
        put("/b/empty", "", "", b"")
        for topic in ("/B/thing", "/b.thing", "C:\\x\\..", "/" + "long/" * 200):
            put_json(topic, "", {"topic": topic})
        writer.finish()


if __name__ == "__main__":
    main()
