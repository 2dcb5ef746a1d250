#!/usr/bin/env python3
"""Opens recordings with another implementation: the Python packages `mcap` and, if they are there,
`mcap-protobuf-support` and `jsonschema`.

    pip install mcap mcap-protobuf-support jsonschema
    python3 mcap_read.py FILE...
    python3 mcap_read.py --compare SUMMARY FILE [SUMMARY FILE]...

Prints one JSON object a file: messages by topic and the schema of each topic, order books by their
changes, whether it was finished, what stopped the reader,
and the first raw and the first compressed picture, decoded by the schemas that stand in the file.
Exits with 1 if a file could not be read at all, or a message not be decoded by its schema: protobuf
into the Foxglove message that it is, JSON held against its JSON schema.

With --compare each file comes behind what `ttyscope inspect FILE --json` said of it, and one line
says whether both found the same in it; exits with 1 if they did not.
"""

import json
import sys
from collections import Counter
from decimal import Decimal

from mcap.exceptions import McapError
from mcap.reader import make_reader
from mcap.records import Channel, Chunk, Message, Metadata, Schema
from mcap.stream_reader import StreamReader

try:
    from mcap_protobuf.decoder import DecoderFactory
except ImportError:
    DecoderFactory = None

try:
    from jsonschema.validators import validator_for
except ImportError:
    validator_for = None

# The Foxglove messages that a recording may hold, and what is looked at in each.
FOXGLOVE = {
    "foxglove.CompressedImage": ("timestamp", "frame_id", "data", "format"),
    "foxglove.RawImage": ("timestamp", "frame_id", "width", "height", "encoding", "step", "data"),
    "foxglove.Log": ("timestamp", "level", "message", "name"),
}


def records(stream):
    """All records up to the end or to what cannot be read; the latter as the second value."""
    found, trouble = [], None
    try:
        # Chunks are taken apart and their checksums compared; a killed file has no closing magic.
        for record in StreamReader(stream, validate_crcs=True).records:
            found.append(record)
    except (McapError, EOFError) as error:
        trouble = f"{type(error).__name__}: {error}"
    return found, trouble


def picture(message, schema):
    """The parts of a decoded picture that can be compared."""
    common = {
        "frame_id": message.frame_id,
        "timestamp_ns": message.timestamp.seconds * 10**9 + message.timestamp.nanos,
        "bytes": len(message.data),
    }
    if schema.name == "foxglove.RawImage":
        if message.step * message.height != len(message.data):
            raise ValueError("a raw picture whose rows do not make up its data")
        return common | {
            "width": message.width,
            "height": message.height,
            "encoding": message.encoding,
            "step": message.step,
        }
    return common | {"format": message.format, "head": message.data[:2].hex()}


def count_book(books, schema, said):
    """Counts a change of a book or a trade under the book's venue and symbol."""
    if schema == "ttyscope.Book":
        kind = said["change"]
        for price, size in said["bids"] + said["asks"]:
            # Exact numbers are texts with the instrument's decimals.
            for text, scale in ((price, said["price_scale"]), (size, said["size_scale"])):
                if -Decimal(text).as_tuple().exponent != scale:
                    raise ValueError(f"{text} has not {scale} decimals")
    elif schema == "ttyscope.Trade":
        kind = "trade"
    else:
        return
    books.setdefault(f"{said['venue']} {said['symbol']}", Counter())[kind] += 1


def validator(schema):
    """What holds a JSON message against the schema that stands in the file, once that is sound."""
    form = json.loads(schema.data)
    kind = validator_for(form)
    kind.check_schema(form)
    return kind(form)


def decode_foxglove(message, schema):
    """The parts of a decoded protobuf message, by the names that Foxglove gives them."""
    fields = {field.name for field in message.DESCRIPTOR.fields}
    missing = [name for name in FOXGLOVE.get(schema.name, ()) if name not in fields]
    if schema.name not in FOXGLOVE or missing or message.DESCRIPTOR.full_name != schema.name:
        raise ValueError(f"{schema.name} is not what Foxglove knows by that name: {missing}")
    return {name: getattr(message, name) for name in FOXGLOVE[schema.name]}


def read(path):
    schemas, channels, decoders, validators = {}, {}, {}, {}
    counts, decoded, pictures, metadata = Counter(), Counter(), {}, {}
    topics, books, by_schema = {}, {}, Counter()
    factory = DecoderFactory() if DecoderFactory else None
    with open(path, "rb") as stream:
        found, trouble = records(stream)
    for record in found:
        match record:
            case Schema():
                schemas[record.id] = record
            case Channel():
                channels[record.id] = record
            case Metadata():
                metadata[record.name] = record.metadata
            case Message():
                channel = channels[record.channel_id]
                schema = schemas[channel.schema_id]
                counts[channel.topic] += 1
                topics[channel.topic] = schema.name
                if channel.message_encoding == "json":
                    said = json.loads(record.data)
                    form = json.loads(schema.data)
                    missing = [name for name in form.get("required", []) if name not in said]
                    if missing:
                        raise ValueError(f"{channel.topic}: {missing} missing in {said}")
                    if validator_for:
                        if schema.id not in validators:
                            validators[schema.id] = validator(schema)
                        validators[schema.id].validate(said)
                    count_book(books, schema.name, said)
                    decoded["json"] += 1
                    by_schema[schema.name] += 1
                elif factory:
                    decode = decoders.get(channel.id)
                    if decode is None:
                        decode = factory.decoder_for(channel.message_encoding, schema)
                        decoders[channel.id] = decode
                    message = decode(record.data)
                    decode_foxglove(message, schema)
                    decoded["protobuf"] += 1
                    by_schema[schema.name] += 1
                    if schema.name.endswith("Image") and schema.name not in pictures:
                        pictures[schema.name] = picture(message, schema)
            case Chunk():
                raise AssertionError("chunks are taken apart by the reader")
    return {
        "file": path,
        "messages": dict(sorted(counts.items())),
        "schemas": dict(sorted(topics.items())),
        "books": books,
        "decoded": dict(sorted(decoded.items())),
        "by_schema": dict(sorted(by_schema.items())),
        "pictures": pictures,
        "metadata": sorted(metadata),
        "finished": trouble is None,
        "stopped_by": trouble,
        "indexed": indexed(path),
    }


def indexed(path):
    """Messages found through the index at the end; None where there is none."""
    try:
        with open(path, "rb") as stream:
            return sum(1 for _ in make_reader(stream, validate_crcs=True).iter_messages())
    except (McapError, EOFError, OSError):
        return None


def differences(said, found):
    """What our own summary says otherwise than this reader, as sentences."""
    ours = {channel["topic"]: channel["messages"] for channel in said["channels"]}
    theirs = found["messages"]
    for topic in sorted(ours.keys() | theirs.keys()):
        if ours.get(topic) != theirs.get(topic):
            yield f"{topic}: {ours.get(topic)} messages by inspect, {theirs.get(topic)} by mcap"
    for channel in said["channels"]:
        theirs = found["schemas"].get(channel["topic"])
        if theirs != channel["schema"]:
            yield f"{channel['topic']}: {channel['schema']} by inspect, {theirs} by mcap"
    for book in said["books"]:
        theirs = found["books"].get(f"{book['venue']} {book['symbol']}", {})
        ours = {
            "snapshot": book["snapshots"],
            "delta": book["deltas"],
            "replace": book["replacements"],
            "clear": sum(book["clears"].values()),
            "trade": book["trades"],
        }
        for kind, count in ours.items():
            if theirs.get(kind, 0) != count:
                yield f"{book['symbol']}: {count} {kind} by inspect, {theirs.get(kind, 0)} by mcap"
    if len(found["books"]) != len(said["books"]):
        yield f"{len(said['books'])} books by inspect, {len(found['books'])} by mcap"
    if said["finished"] != found["finished"]:
        yield f"finished is {said['finished']} by inspect; mcap: {found['stopped_by'] or 'finished'}"
    if found["finished"] and found["indexed"] != said["messages"]:
        yield f"{said['messages']} messages by inspect, {found['indexed']} through the index"
    decoded = sum(found["decoded"].values())
    if DecoderFactory and decoded != sum(found["messages"].values()):
        yield f"only {decoded} messages could be decoded by their schemas"
    for schema in ("foxglove.RawImage", "foxglove.CompressedImage"):
        there = any(channel["schema"] == schema for channel in said["channels"])
        if DecoderFactory and there != (schema in found["pictures"]):
            yield f"no {schema} could be decoded"


def compare(arguments):
    good = bool(arguments)
    for summary, path in zip(arguments[::2], arguments[1::2], strict=True):
        with open(summary, encoding="utf-8") as stream:
            said = json.load(stream)
        found = read(path)
        wrong = list(differences(said, found))
        good = good and not wrong
        state = "finished" if said["finished"] else "cut"
        outcome = "DIFFERENT: " + "; ".join(wrong) if wrong else "the same in both"
        kinds = ", ".join(f"{name} {count}" for name, count in found["by_schema"].items())
        print(f"{path} ({state}): {said['messages']} messages, {outcome}; decoded: {kinds}")
    return 0 if good else 1


def main(paths):
    if paths[:1] == ["--compare"]:
        return compare(paths[1:])
    good = True
    for path in paths:
        try:
            print(json.dumps(read(path)))
        except Exception as error:  # whatever a foreign reader stumbles over is the finding
            good = False
            print(json.dumps({"file": path, "error": f"{type(error).__name__}: {error}"}))
    return 0 if good and paths else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
