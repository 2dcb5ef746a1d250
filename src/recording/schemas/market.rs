//! Schemas of order books, trades and venues.
//!
//! Prices and sizes are decimal texts with exactly the instrument's decimals.

/// `ttyscope.Book`.
pub const BOOK: &str = r##"{
  "title": "ttyscope.Book",
  "description": "A change of an order book. From the first snapshot on, all of them in order are the book; after clear it is not to be trusted until the next snapshot or replace.",
  "type": "object",
  "required": ["venue", "symbol", "change", "price_scale", "size_scale", "bids", "asks", "frame"],
  "properties": {
    "venue": {"type": "string"},
    "symbol": {"type": "string", "description": "as the venue writes it"},
    "change": {"type": "string", "enum": ["snapshot", "delta", "replace", "clear"], "description": "snapshot and replace: both sides are these rows now; delta: each row is set, or removed where its size is zero; clear: the book is not to be trusted from here on"},
    "depth": {"type": "integer", "description": "delta: levels each side is cut to afterwards"},
    "reason": {"type": "string", "enum": ["gap", "checksum", "unreadable message", "out of order", "crossed", "finer numbers", "closed"], "description": "clear: why"},
    "price_scale": {"type": "integer", "description": "decimals of a price"},
    "size_scale": {"type": "integer", "description": "decimals of a size"},
    "bids": {"$ref": "#/$defs/levels"},
    "asks": {"$ref": "#/$defs/levels"},
    "seq_first": {"type": "integer", "description": "the venue's first id covered"},
    "seq_last": {"type": "integer", "description": "the venue's last id covered"},
    "seq_prev": {"type": "integer", "description": "the id it follows"},
    "exchange_ns": {"type": "integer", "description": "the venue's time, Unix nanoseconds"},
    "checksum": {"type": "integer", "description": "that came with it, as sent"},
    "frame": {"type": "integer", "description": "which text frame of the connection it came in, from 1; 0 if it came over HTTP"},
    "display": {"type": "string", "description": "BASE/QUOTE; with a snapshot, and wherever it or one of the next three has changed"},
    "tick": {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?$", "description": "smallest step of a price"},
    "known_low": {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?$", "description": "below this price no bid is known"},
    "known_high": {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?$", "description": "above this price no ask is known"},
    "since_ns": {"type": "integer", "description": "the book as it stood when the recording began; last changed at this time"}
  },
  "$defs": {
    "levels": {"type": "array", "maxItems": 100000, "description": "rows in the order received: price and size", "items": {
      "type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?$"}
    }}
  }
}"##;

/// `ttyscope.Trade`.
pub const TRADE: &str = r##"{
  "title": "ttyscope.Trade",
  "description": "Somebody bought and somebody sold.",
  "type": "object",
  "required": ["venue", "symbol", "price_scale", "size_scale", "price", "size", "late"],
  "properties": {
    "venue": {"type": "string"},
    "symbol": {"type": "string", "description": "as the venue writes it"},
    "id": {"type": ["string", "null"], "description": "the venue's id"},
    "price_scale": {"type": "integer", "description": "decimals of the price"},
    "size_scale": {"type": "integer", "description": "decimals of the size"},
    "price": {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?$"},
    "size": {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?$", "description": "zero for a price without a trade"},
    "aggressor": {"type": ["string", "null"], "enum": ["buy", "sell", null], "description": "who crossed the spread, where the venue says so beyond doubt"},
    "side": {"type": "string", "enum": ["buy", "sell"], "description": "as the venue wrote it, where nobody knows whose side it is"},
    "exchange_ns": {"type": ["integer", "null"], "description": "the venue's time, Unix nanoseconds"},
    "late": {"type": "boolean", "description": "older than the newest trade of its symbol by more than a second"}
  }
}"##;

/// `ttyscope.Feed`.
pub const FEED: &str = r##"{
  "title": "ttyscope.Feed",
  "description": "How the connections to a venue stand; replaces what was said before. Times are Unix nanoseconds.",
  "type": "object",
  "required": ["venue", "way", "connections_up", "connections_wanted", "books", "books_live", "counters", "rate_hz", "waiting_to_send", "attempts_left", "apply", "fresh_for_ns"],
  "properties": {
    "venue": {"type": "string"},
    "way": {"type": "string", "enum": ["stream", "polling", "fallback"]},
    "connections_up": {"type": "integer"},
    "connections_wanted": {"type": "integer"},
    "books": {"type": "integer", "description": "books subscribed"},
    "books_live": {"type": "integer"},
    "last_frame_ns": {"type": ["integer", "null"], "description": "when the last frame of any kind was received"},
    "counters": {"type": "object", "additionalProperties": {"type": "integer"}, "description": "what became of the frames"},
    "rate_hz": {"type": ["number", "string"], "description": "messages applied per second"},
    "waiting_to_send": {"type": "integer", "description": "messages that wait to be sent at the venue's pace"},
    "attempts_left": {"type": "integer", "description": "connection attempts left in the venue's budget"},
    "limited_until_ns": {"type": "integer", "description": "the venue told us to wait until then"},
    "limited_status": {"type": "integer", "description": "with this HTTP status"},
    "notice": {"type": ["string", "null"], "description": "what the venue said last about itself"},
    "apply": {"type": "object", "description": "from receipt to applied", "properties": {
      "count": {"type": "integer"},
      "p50_ns": {"type": "integer"},
      "p90_ns": {"type": "integer"},
      "p99_ns": {"type": "integer"},
      "max_ns": {"type": "integer"}
    }},
    "fresh_for_ns": {"type": "integer", "description": "how long a live book of it may be silent before it is called stale"},
    "since_ns": {"type": "integer", "description": "received before the recording began, at this time, and still true then"}
  }
}"##;
