//! Schemas of instruments, commands and stops.
//!
//! A number that JSON cannot write is one of the texts "NaN", "inf" and "-inf".

/// `ttyscope.Instrument`.
pub const INSTRUMENT: &str = r##"{
  "title": "ttyscope.Instrument",
  "description": "The state of an instrument that can be commanded, as far as its own words prove it; replaces the one before.",
  "type": "object",
  "required": ["activity", "axes", "lights", "cameras", "offers"],
  "properties": {
    "activity": {"type": "string", "enum": ["unknown", "idle", "snapshot", "live view", "workflow", "disconnected"]},
    "axes": {"type": "array", "maxItems": 4096, "items": {
      "type": "object",
      "required": ["name", "unit", "motion"],
      "properties": {
        "name": {"type": "string"},
        "unit": {"type": "string", "description": "of everything in it; empty for the device's own number"},
        "position": {"$ref": "#/$defs/number", "description": "where it stood when it last said so"},
        "target": {"$ref": "#/$defs/number", "description": "where it is going, while it is"},
        "limits": {"$ref": "#/$defs/limits", "description": "how far it may go"},
        "motion": {"type": "string", "enum": ["unknown", "moving", "settled"]}
      }
    }},
    "lights": {"type": "array", "maxItems": 4096, "items": {
      "type": "object",
      "required": ["name", "label", "unit", "evidence"],
      "properties": {
        "name": {"type": "string"},
        "label": {"type": "string", "description": "what it is, for people"},
        "level": {"$ref": "#/$defs/number"},
        "unit": {"type": "string", "description": "of level and range; empty for the device's own number"},
        "range": {"$ref": "#/$defs/limits", "description": "the levels that it takes"},
        "on": {"type": ["boolean", "null"], "description": "whether it shines"},
        "evidence": {"type": "string", "enum": ["unknown", "assumed", "read"], "description": "what that rests on; assumed: a command was sent that has no answer"}
      }
    }},
    "cameras": {"type": "array", "maxItems": 4096, "items": {
      "type": "object",
      "required": ["name"],
      "properties": {
        "name": {"type": "string"},
        "exposure_ms": {"$ref": "#/$defs/number"},
        "exposure_range_ms": {"$ref": "#/$defs/limits"},
        "gain": {"$ref": "#/$defs/number", "description": "in the camera's own number"},
        "gain_range": {"$ref": "#/$defs/limits"},
        "streaming": {"type": ["boolean", "null"], "description": "whether its pictures are being sent"},
        "controls": {"type": "array", "maxItems": 4096, "description": "its other controls", "items": {
          "type": "object",
          "required": ["name", "label", "kind", "unit", "choices", "access"],
          "properties": {
            "name": {"type": "string"},
            "label": {"type": "string", "description": "what the camera calls it"},
            "kind": {"type": "string", "enum": ["number", "switch", "choice", "press"]},
            "value": {"$ref": "#/$defs/number", "description": "1 and 0 for on and off, the number of a choice"},
            "unit": {"type": "string", "description": "of its numbers; empty for the camera's own"},
            "range": {"$ref": "#/$defs/limits", "description": "what it takes"},
            "step": {"$ref": "#/$defs/number", "description": "from one number that it takes to the next"},
            "default": {"$ref": "#/$defs/number"},
            "choices": {"type": "array", "maxItems": 4096, "items": {
              "type": "object",
              "required": ["value", "name"],
              "properties": {"value": {"type": ["number", "string"]}, "name": {"type": "string"}}
            }},
            "access": {"type": "string", "enum": ["free", "read-only", "inactive"], "description": "inactive: another control, such as an automatic one, has it"}
          }
        }}
      }
    }},
    "workflow": {
      "type": ["object", "null"],
      "description": "the workflow that runs, or that ran last",
      "required": ["state"],
      "properties": {
        "name": {"type": ["string", "null"], "description": "the file it came from; null if somebody else started it"},
        "state": {"type": "string", "enum": ["starting", "running", "ended", "stopped", "failed", "unknown"]},
        "acquired": {"type": ["integer", "null"], "description": "pictures taken"},
        "expected": {"type": ["integer", "null"], "description": "pictures there will be"},
        "saved": {"type": ["integer", "null"], "description": "pictures written to the server's disk"}
      }
    },
    "offers": {"type": "array", "maxItems": 4096, "items": {"type": "string"}, "description": "kinds of commands that it takes"},
    "stream_protocols": {"type": "array", "maxItems": 4096, "items": {"type": "string"}, "description": "ways in which it can send its live view"},
    "stream_parameters": {"type": "array", "maxItems": 4096, "items": {"type": "string"}, "description": "parameters of its live view's stream"},
    "since_ns": {"type": "integer", "description": "received before the recording began, at this time, and still true then"}
  },
  "$defs": {
    "number": {"type": ["number", "string", "null"]},
    "limits": {
      "type": ["object", "null"],
      "required": ["min", "max"],
      "properties": {"min": {"type": "number"}, "max": {"type": "number"}}
    }
  }
}"##;

/// `ttyscope.Command`.
pub const COMMAND: &str = r##"{
  "title": "ttyscope.Command",
  "description": "A command to an instrument came to another state.",
  "type": "object",
  "required": ["id", "command", "kind", "danger", "operator", "state", "final", "before", "after"],
  "properties": {
    "id": {"type": "integer", "description": "its number in the run that was recorded, counting from 1"},
    "command": {"type": "string", "description": "what was asked, in words"},
    "kind": {"type": "string"},
    "danger": {"type": "string", "enum": ["observe", "move", "emit", "destructive"]},
    "operator": {"type": "string", "description": "who asked"},
    "state": {"type": "string", "enum": ["queued", "sent", "acknowledged", "done", "failed", "stopped", "refused", "unknown"]},
    "final": {"type": "boolean", "description": "nothing more is expected; a command that has no answer ends as sent"},
    "detail": {"type": ["string", "null"], "description": "why, or what the instrument said"},
    "axis": {"type": ["string", "null"], "description": "the axis it moves"},
    "before": {"$ref": "#/$defs/positions", "description": "where the axes stood before it was sent"},
    "after": {"$ref": "#/$defs/positions", "description": "where they stand after it has ended"}
  },
  "$defs": {
    "positions": {"type": "array", "maxItems": 4096, "items": {
      "type": "object",
      "required": ["axis", "unit"],
      "properties": {
        "axis": {"type": "string"},
        "value": {"type": ["number", "string", "null"], "description": "null if nothing proved it"},
        "unit": {"type": "string"}
      }
    }}
  }
}"##;

/// `ttyscope.Stop`.
pub const STOP: &str = r#"{
  "title": "ttyscope.Stop",
  "description": "The way on which a stop would reach the instrument, or what became of a press.",
  "type": "object",
  "required": ["about", "state"],
  "properties": {
    "about": {"type": "string", "enum": ["path", "press"]},
    "state": {"type": "string", "enum": ["opening", "ready", "down", "sent", "acknowledged", "no answer", "not sent", "refused"], "description": "the first three of a path, the others of a press"},
    "round_trip_ns": {"type": "integer", "description": "path, ready: how long the last question took"},
    "why": {"type": "string", "description": "path, down: why"},
    "press": {"type": "integer", "description": "press: which one of the run, counting from 1"},
    "level": {"type": "string", "enum": ["halt", "safe"], "description": "press: halt ends motion, safe light and workflows too"},
    "origin": {"type": "string", "enum": ["key", "signal", "outside"], "description": "press: who pressed"},
    "pressed_mono_ns": {"type": "integer", "description": "press: when, on the monotonic clock of the process that recorded"},
    "after_ns": {"type": "integer", "description": "press, sent and acknowledged: how long after the press"},
    "detail": {"type": "string", "description": "press: what else there is to say"},
    "since_ns": {"type": "integer", "description": "received before the recording began, at this time, and still true then"}
  }
}"#;
