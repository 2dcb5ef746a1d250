"""Holds an export of tables against the recording that it was made of.

Usage: export_read.py RECORDING FORMAT SAID

FORMAT is csv, jsonl or parquet; SAID is the line that `ttyscope export --json` printed. The recording
is read with the Python package `mcap`, CSV with pandas, Parquet with pyarrow. What rows a message
becomes is written here once more, from the README.
"""

import base64
import json
import math
import sys
from collections import Counter, defaultdict

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory

PICTURES = {"foxglove.RawImage", "foxglove.CompressedImage"}
LEVELS = ["unknown", "debug", "info", "warning", "error", "fatal"]
# The columns that are a number or a text of the record, by schema.
FLAT = {
    "ttyscope.Frame": "detector number width_px height_px received_as received_bytes pixel_size_um "
    "subsampling bit_depth device_ns lost_before",
    "ttyscope.Link": "state attempt missing reason detail retry_in_ns since_ns",
    "ttyscope.Fault": "kind severity text sample_base64",
    "ttyscope.Loss": "lane reason count",
    "ttyscope.Command": "id command kind danger operator state final detail axis before after",
    "ttyscope.Stop": "about state round_trip_ns why press level origin pressed_mono_ns after_ns detail "
    "since_ns",
    "ttyscope.Trade": "venue symbol id price size price_scale size_scale aggressor side exchange_ns late",
}
BOOK = (
    "venue symbol change price_scale size_scale depth reason seq_first seq_last seq_prev exchange_ns "
    "checksum frame display tick known_low known_high since_ns"
)
FEED = (
    "venue way connections_up connections_wanted books books_live last_frame_ns rate_hz "
    "waiting_to_send attempts_left limited_until_ns limited_status notice fresh_for_ns since_ns"
)
FLEET = (
    "verdict verdict_since_ns evidence supervising turn figures_from totals_at_ns heartbeat_ns "
    "workers_at_ns since_ns"
)
WORKER = (
    "number address status class paused needs_operator done due_in_s wait last_ok last_try "
    "last_ok_age_s last_try_age_s last_failure clock_jumped"
)
# Columns that hold JSON: compared as what it says.
AS_JSON = {
    "args", "json", "attachments_base64", "before", "after", "offers", "stream_protocols",
    "stream_parameters", "controls",
}


# What tells the tables of a topic apart.
PARTS = {
    "problem": "raw", "position": "axes", "light": "lights", "camera": "cameras",
    "counter": "counters", "address": "workers", "interval_s": "pace", "at_ns": "marks",
}


class Not(Exception):
    """A message is not what its schema says."""


class Exact:
    """JSON whose numbers have to be the same digit by digit."""

    def __init__(self, tree):
        self.tree = tree


def exact(text):
    """JSON with its numbers as they are written."""
    return json.loads(text, parse_float=lambda t: ("float", t), parse_int=lambda t: ("int", t))


def pick(record, names):
    return {name: record.get(name) for name in names.split()}


def value(record):
    """The type, the number and the text of a value."""
    it, special = record.get("value"), record.get("special")
    if special or it is None:
        number = float(special or "nan")
        return {"type": "float", "value": number, "text": number}
    if isinstance(it, bool):
        return {"type": "bool", "value": float(it), "text": str(it).lower()}
    if isinstance(it, int):
        return {"type": "int", "value": float(it), "text": str(it)}
    if isinstance(it, float):
        return {"type": "float", "value": it, "text": it}
    return {"type": "text", "value": None, "text": it}


def number(it):
    return None if it is None else float(it)


def ends(record, key, names):
    limits = record.get(key) or {}
    return {name: number(limits.get(end)) for name, end in zip(names, ("min", "max"))}


def rows(schema, record, digits):
    """The rows of a message of ours, each with the part of its topic that it is in; `digits` is the
    record with exact numbers."""
    if schema in FLAT:
        yield "", pick(record, FLAT[schema])
    elif schema == "ttyscope.Readings":
        for one in record["readings"] or [None]:
            yield "", one and pick(one, "name unit since_ns") | value(one)
    elif schema == "ttyscope.Message":
        attachments = record.get("attachments_base64")
        yield "", {
            "event": record["name"],
            "args": Exact(digits["args"]) if "args" in digits else None,
            "raw_base64": record.get("raw_base64"),
            "attachments": len(attachments or []),
            "attachments_base64": attachments,
        }
    elif schema == "ttyscope.Book":
        levels = [("bid", i, *level) for i, level in enumerate(record["bids"])]
        levels += [("ask", i, *level) for i, level in enumerate(record["asks"])]
        for level in levels or [(None,) * 4]:
            yield "", pick(record, BOOK) | dict(zip(("side", "level", "price", "size"), level))
    elif schema == "ttyscope.Feed":
        apply = {f"apply_{name}": it for name, it in record["apply"].items()}
        yield "", pick(record, FEED) | apply
        for name, it in record["counters"].items():
            yield "counters", {"counter": name, "value": it}
    elif schema == "ttyscope.Instrument":
        workflow = record["workflow"] or {}
        yield "", pick(record, "activity offers since_ns") | {
            "stream_protocols": record.get("stream_protocols", []),
            "stream_parameters": record.get("stream_parameters", []),
            "workflow": workflow.get("name"),
            "workflow_state": workflow.get("state"),
            **{f"workflow_{key}": workflow.get(key) for key in ("acquired", "expected", "saved")},
        }
        for axis in record["axes"]:
            row = {"axis": axis["name"], **pick(axis, "unit position target motion")}
            yield "axes", row | ends(axis, "limits", ("min", "max"))
        for light in record["lights"]:
            row = {"light": light["name"], **pick(light, "label level unit on evidence")}
            yield "lights", row | ends(light, "range", ("min", "max"))
        for camera in record["cameras"]:
            row = {"camera": camera["name"], **pick(camera, "exposure_ms gain streaming")}
            row["controls"] = camera.get("controls", [])
            row |= ends(camera, "exposure_range_ms", ("exposure_min_ms", "exposure_max_ms"))
            yield "cameras", row | ends(camera, "gain_range", ("gain_min", "gain_max"))
    elif schema == "ttyscope.Fleet":
        totals, probe = record["totals"] or {}, record["probe"] or {}
        row = pick(record, FLEET)
        row |= pick(totals, "attempts succeeded failed limited success_percent percent_wrong")
        row["worker_count"] = totals.get("workers")
        row |= {f"probe_{key}": probe.get(key) for key in ("at_ns", "failure", "moved", "failures")}
        yield "", row
        for worker in record["workers"] or []:
            yield "workers", pick(worker, WORKER)
        for pace in record["pace"]:
            yield "pace", pick(pace, "event last_ns count interval_s")
        for mark in record["marks"]:
            yield "marks", pick(mark, "at_ns text")
    elif schema == "ttyscope.Rows":
        table = pick(record, "table whole since_ns")
        for index, row in enumerate(record["rows"]):
            for cell in row["cells"] or [None]:
                more = {"row": index, "key": row["key"]}
                if cell:
                    more |= {"column": cell["column"]} | value(cell)
                yield "", table | more
        if not record["rows"]:
            yield "", table
    else:
        raise Not


def expected(path):
    """All rows by topic and part, messages by topic, metadata."""
    tables, messages, metadata = defaultdict(list), [], []
    decoders = DecoderFactory()
    with open(path, "rb") as stream:
        reader = make_reader(stream, validate_crcs=True)
        metadata = [(record.name, record.metadata) for record in reader.iter_metadata()]
    with open(path, "rb") as stream:
        for schema, channel, message in make_reader(stream).iter_messages(log_time_order=False):
            name = schema.name if schema else ""
            messages.append((name, channel, message))
            if name in PICTURES:
                continue
            source = channel.metadata.get("source")
            try:
                if name == "foxglove.Log":
                    log = decoders.decoder_for(channel.message_encoding, schema)(message.data)
                    row = {"level": LEVELS[log.level], "name": log.name, "message": log.message}
                    found = [("", row | {"file": log.file, "line": log.line})]
                elif channel.message_encoding != "json":
                    raise Not
                else:
                    record = json.loads(message.data)
                    if name == "ttyscope.Loss":
                        source = source or record.get("source")
                    found = list(rows(name, record, exact(message.data)))
            except (Not, ValueError, KeyError, TypeError):
                row = {"schema": name, "encoding": channel.message_encoding}
                try:
                    if channel.message_encoding != "json":
                        raise ValueError
                    row["json"] = Exact(exact(message.data))
                except ValueError:
                    row["data_base64"] = base64.b64encode(message.data).decode()
                found = [("raw", row)]
            common = {
                "time": message.log_time,
                "time_ns": message.log_time,
                "published_ns": message.publish_time,
                "source": source,
                "topic": channel.topic,
                "sequence": message.sequence,
            }
            for part, row in found:
                tables[channel.topic, part].append(common | (row or {}))
    return tables, messages, metadata


def from_csv(path):
    """The rows of a file as texts, and what pandas makes of it when it is told nothing."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    plain = pd.read_csv(path, low_memory=False)
    if "time_ns" in plain:
        assert plain["time_ns"].dtype == "int64", plain["time_ns"].dtype
        times = pd.to_datetime(plain["time"]).dt.as_unit("ns").astype("int64")
        assert (times == plain["time_ns"]).all(), "times differ"
        assert len(plain) == len(frame)
    if "value" in plain and "recording" not in plain and len(plain):
        texts = frame["value"].replace("", "nan").astype(float)
        assert texts.equals(plain["value"].astype(float)), "numbers differ"
    for row in frame.to_dict("records"):
        for key, text in row.items():
            row[key] = text[1:] if text.startswith("'") else text
        if "time" in row:
            row["time"] = int(row["time_ns"])
        yield row


def from_parquet(path):
    table = pq.read_table(path)
    if "time" in table.column_names:
        assert table.schema.field("time").type == pa.timestamp("ns", tz="UTC"), table.schema
        index = table.column_names.index("time")
        table = table.set_column(index, "time", table["time"].cast(pa.int64()))
    return table.to_pylist()


def same(name, wanted, found, row):
    """Whether a cell is what it should be. Nothing and an empty text are the same in a table."""
    if wanted in (None, ""):
        return found in (None, "")
    if isinstance(wanted, Exact):
        return exact(found) == wanted.tree
    if name in AS_JSON:
        return json.loads(found) == wanted
    if isinstance(found, str) and not isinstance(wanted, str):
        if isinstance(wanted, bool):
            return found == str(wanted).lower()
        found = type(wanted)(found) if found else None
    if isinstance(wanted, float) and math.isnan(wanted):
        return isinstance(found, float) and math.isnan(found)
    # Numbers of a record may be written without a point.
    return found == wanted and (isinstance(found, str) == isinstance(wanted, str))


def printable(text):
    """Control characters as CSV shows them."""
    return "".join(chr(0x2400 + ord(c)) if ord(c) < 0x20 else c for c in text)


def compare_tables(path, form, said):
    tables, messages, metadata = expected(path)
    read = {"csv": from_csv, "parquet": from_parquet}[form]
    found = defaultdict(list)
    values = 0
    for file in said["files"]:
        content = list(read(file["path"]))
        assert len(content) == file["items"], f"{file}: {len(content)} rows"
        if "recording" in content[0]:
            wanted = [(n, k, v) for n, values_ in metadata for k, v in values_.items()]
            got = [(row["record"], row["key"], row["value"]) for row in content]
            assert sorted(got) == sorted(wanted), (got, wanted)
            continue
        part = next((part for column, part in PARTS.items() if column in content[0]), "")
        for row in content:
            found[row["topic"], part].append(row)
    key = printable if form == "csv" else str
    wanted_keys = {(key(topic), part) for topic, part in tables}
    assert set(found) == wanted_keys, set(found) ^ wanted_keys
    for (topic, part), wanted in tables.items():
        got = found[key(topic), part]
        assert len(got) == len(wanted), f"{topic} {part}: {len(got)} rows, not {len(wanted)}"
        for want, have in zip(wanted, got):
            for name, it in want.items():
                it = printable(it) if form == "csv" and isinstance(it, str) else it
                assert same(name, it, have[name], have), (topic, name, it, have[name])
                values += 1
            rest = {n: v for n, v in have.items() if n not in want and v not in (None, "")}
            assert not set(rest) - {"problem"}, (topic, rest)
    skipped = sum(skip["messages"] for skip in said["skipped"])
    pictures = sum(name in PICTURES for name, _, _ in messages)
    assert (said["messages"], skipped) == (len(messages), pictures), said
    print(f"{path}: {form}: {len(tables)} tables, {values} values are the recording's")


def compare_lines(path, said):
    _, messages, metadata = expected(path)
    wanted = [entry for entry in messages if entry[0] not in PICTURES]
    paths = [file["path"] for file in said["files"]]
    with open(paths[0], encoding="utf-8") as stream:
        lines = stream.read().split("\n")
    assert lines.pop() == "" and len(lines) == len(wanted) == said["files"][0]["items"]
    kinds = Counter()
    for (schema, channel, message), text in zip(wanted, lines):
        line = json.loads(text)
        got = [line[key] for key in ("topic", "schema", "encoding", "sequence")]
        assert got == [channel.topic, schema, channel.message_encoding, message.sequence], got
        times = (message.log_time, message.publish_time)
        assert (line["log_time_ns"], line["publish_time_ns"]) == times, line
        if schema == "foxglove.Log":
            kinds["log"] += 1
            assert line["data"]["level"] in LEVELS and line["data"]["message"], line
        elif "data_base64" in line:
            kinds["bytes"] += 1
            assert base64.b64decode(line["data_base64"]) == message.data
        else:
            kinds["json"] += 1
            assert exact(text)["data"] == exact(message.data), text
    with open(paths[1], encoding="utf-8") as stream:
        got = [(line["name"], line["values"]) for line in map(json.loads, stream)]
    assert sorted(got, key=str) == sorted(metadata, key=str)
    print(f"{path}: jsonl: {len(lines)} lines are the recording's: {dict(kinds)}")


def main():
    path, form, said = sys.argv[1:]
    with open(said, encoding="utf-8") as stream:
        said = json.load(stream)
    assert not said["missing"], said
    if form == "jsonl":
        compare_lines(path, said)
    else:
        compare_tables(path, form, said)


if __name__ == "__main__":
    main()
