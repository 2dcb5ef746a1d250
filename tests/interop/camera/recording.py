"""A recording as another implementation reads it, the Python packages `mcap` and
`mcap-protobuf-support`: its pictures, and what was said beside them, in order."""

import json

from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory


class Recording:
    def __init__(self, path):
        factory, decoders = DecoderFactory(), {}
        # Each as the name of its schema and what it says.
        self.messages = []
        with open(path, "rb") as stream:
            for schema, channel, message in make_reader(stream, validate_crcs=True).iter_messages(
                log_time_order=False
            ):
                if channel.message_encoding == "json":
                    said = json.loads(message.data)
                else:
                    decode = decoders.get(channel.id)
                    if decode is None:
                        decode = factory.decoder_for(channel.message_encoding, schema)
                        decoders[channel.id] = decode
                    said = decode(message.data)
                self.messages.append((schema.name, said))

    def of(self, schema):
        """All messages of a schema."""
        return [said for name, said in self.messages if name == schema]
