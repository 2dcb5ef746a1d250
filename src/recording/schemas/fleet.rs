//! Schemas of fleets and of live tables.

/// `ttyscope.Fleet`.
pub const FLEET: &str = r##"{
  "title": "ttyscope.Fleet",
  "description": "Everything known of a supervised fleet; replaces what was known before. Times are Unix nanoseconds.",
  "type": "object",
  "required": ["verdict", "verdict_since_ns", "evidence", "figures_from", "pace", "marks"],
  "properties": {
    "verdict": {"type": "string", "enum": ["unknown", "live", "late", "silent", "silent (confirmed)", "half", "disagree", "zero", "stalled producer", "idle", "dead link", "down"], "description": "whether pushes arrive and agree with what is asked for"},
    "verdict_since_ns": {"type": "integer"},
    "evidence": {"type": "string", "description": "what the verdict rests on"},
    "supervising": {"type": ["boolean", "null"], "description": "whether the supervisor's loop runs, as it said last"},
    "turn": {"type": ["integer", "null"], "description": "turns of the supervisor's loop"},
    "figures_from": {"type": "string", "enum": ["push", "rest"]},
    "totals": {"type": ["object", "null"], "description": "since the server's process started", "properties": {
      "attempts": {"type": ["integer", "null"]},
      "succeeded": {"type": ["integer", "null"]},
      "failed": {"type": ["integer", "null"]},
      "limited": {"type": ["integer", "null"]},
      "success_percent": {"type": ["number", "string", "null"], "description": "as sent"},
      "percent_wrong": {"type": "boolean", "description": "the sent per cent differ from succeeded / attempts"},
      "workers": {"type": ["integer", "null"]}
    }},
    "totals_at_ns": {"type": ["integer", "null"], "description": "when the totals were received"},
    "heartbeat_ns": {"type": ["integer", "null"], "description": "when the connection last beat, as far as it says so"},
    "workers": {"type": ["array", "null"], "maxItems": 100000, "items": {
      "type": "object",
      "required": ["address", "status", "class", "paused", "needs_operator", "wait", "clock_jumped"],
      "properties": {
        "number": {"type": ["integer", "null"]},
        "address": {"type": "string", "description": "the server's own identity for it"},
        "status": {"type": "string", "description": "the server's words"},
        "class": {"type": "string", "enum": ["error", "operator", "waiting", "neutral", "ok"]},
        "paused": {"type": "boolean"},
        "needs_operator": {"type": "boolean"},
        "done": {"type": ["integer", "null"], "description": "units done"},
        "due_in_s": {"type": ["integer", "null"], "description": "seconds until it is due, counted from workers_at_ns"},
        "wait": {"type": "string", "enum": ["next", "retry in", "cool-down"]},
        "last_ok": {"type": ["string", "null"], "description": "the server's own time, without a zone"},
        "last_try": {"type": ["string", "null"], "description": "the server's own time, without a zone"},
        "last_ok_age_s": {"type": ["integer", "null"]},
        "last_try_age_s": {"type": ["integer", "null"]},
        "last_failure": {"type": ["string", "null"]},
        "clock_jumped": {"type": "boolean", "description": "its countdown jumped against our clock"}
      }
    }},
    "workers_at_ns": {"type": ["integer", "null"], "description": "when the workers were received"},
    "pace": {"type": "array", "maxItems": 4096, "description": "how each expected event comes", "items": {
      "type": "object",
      "required": ["event", "count"],
      "properties": {
        "event": {"type": "string"},
        "last_ns": {"type": ["integer", "null"]},
        "count": {"type": "integer"},
        "interval_s": {"type": ["number", "string", "null"], "description": "learned"}
      }
    }},
    "probe": {"type": ["object", "null"], "description": "the last cross-check", "properties": {
      "at_ns": {"type": "integer"},
      "failure": {"type": ["string", "null"], "description": "null if it was answered"},
      "moved": {"type": "boolean", "description": "the figures moved since the one before"},
      "failures": {"type": "integer", "description": "in a row"}
    }},
    "marks": {"type": "array", "maxItems": 4096, "description": "restarts, lost pushes, clock jumps; newest last", "items": {
      "type": "object",
      "required": ["at_ns", "text"],
      "properties": {"at_ns": {"type": "integer"}, "text": {"type": "string"}}
    }},
    "since_ns": {"type": "integer", "description": "received before the recording began, at this time, and still true then"}
  }
}"##;

/// `ttyscope.Rows`.
pub const ROWS: &str = r##"{
  "title": "ttyscope.Rows",
  "description": "Rows of a live table; each cell replaces the earlier one of its row and column.",
  "type": "object",
  "required": ["table", "whole", "rows"],
  "properties": {
    "table": {"type": "string"},
    "whole": {"type": "boolean", "description": "these are all rows there are: others have gone"},
    "rows": {"type": "array", "maxItems": 100000, "items": {
      "type": "object",
      "required": ["key", "cells"],
      "properties": {
        "key": {"type": "string", "description": "what the row is known by"},
        "cells": {"type": "array", "maxItems": 4096, "items": {
          "type": "object",
          "required": ["column", "value"],
          "properties": {
            "column": {"type": "string"},
            "value": {"type": ["number", "integer", "boolean", "string", "null"]},
            "special": {"type": "string", "enum": ["NaN", "inf", "-inf"], "description": "which number null stands for"}
          }
        }}
      }
    }},
    "since_ns": {"type": "integer", "description": "the rows as they stood when the recording began; last changed at this time"}
  }
}"##;
