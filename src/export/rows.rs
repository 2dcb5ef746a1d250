//! What rows each message of a recording becomes, and in which tables. A list in a message becomes
//! a table of its own, or a long one with a row for each of its items.
//!
//! What cannot be understood is kept as it is, with what is wrong with it.

use std::borrow::Cow;

use serde::Deserialize;

use super::json_lines;
use super::table::{Cell, Column, Kind, Table, column};
use crate::recording::RecordedMessage;
use crate::recording::records::Binary;

mod control;
mod fleet;
mod general;
mod market;

/// Takes one row of one table.
pub type Emit<'e> = dyn FnMut(&'static Table, &[Cell<'_>]) + 'e;

/// Why a message has no rows of its own kind.
type Why = String;

/// Messages that nothing is known of, or that are not what their schema says.
pub static RAW: Table = Table {
    name: "raw",
    part: "raw",
    columns: &[
        column("schema", Kind::Text),
        column("encoding", Kind::Text),
        column("problem", Kind::Text),
        column("json", Kind::Text),
        column("data_base64", Kind::Text),
    ],
};

/// What recordings say of themselves.
pub static METADATA: Table = Table {
    name: "metadata",
    part: "",
    columns: &[
        column("recording", Kind::Text),
        column("record", Kind::Text),
        column("key", Kind::Text),
        column("value", Kind::Text),
    ],
};

/// Whether the value was received before the recording began, and when.
const SINCE: Column = column("since_ns", Kind::Count);

/// The rows of a message: at least one.
pub fn of(message: &RecordedMessage, emit: &mut Emit<'_>) {
    let problem = match (&*message.channel.schema, &*message.channel.encoding) {
        ("foxglove.Log", "protobuf") => general::log(message, emit),
        (schema, "json") => match schema {
            "ttyscope.Frame" => general::frame(message, emit),
            "ttyscope.Readings" => general::readings(message, emit),
            "ttyscope.Message" => general::message(message, emit),
            "ttyscope.Link" => general::link(message, emit),
            "ttyscope.Fault" => general::fault(message, emit),
            "ttyscope.Loss" => general::loss(message, emit),
            "ttyscope.Instrument" => control::instrument(message, emit),
            "ttyscope.Command" => control::command(message, emit),
            "ttyscope.Stop" => control::stop(message, emit),
            "ttyscope.Book" => market::book(message, emit),
            "ttyscope.Trade" => market::trade(message, emit),
            "ttyscope.Feed" => market::feed(message, emit),
            "ttyscope.Fleet" => fleet::fleet(message, emit),
            "ttyscope.Rows" => fleet::rows(message, emit),
            _ => Err(String::new()),
        },
        _ => Err(String::new()),
    };
    if let Err(problem) = problem {
        raw(message, &problem, emit);
    }
}

fn raw(message: &RecordedMessage, problem: &str, emit: &mut Emit<'_>) {
    let json = json_lines::json(message);
    let bytes = match json {
        Some(_) => None,
        None => Some(Binary(Cow::Borrowed(&message.data)).to_string()),
    };
    let cells = [
        message.channel.schema.as_str().into(),
        message.channel.encoding.as_str().into(),
        Some(problem).filter(|problem| !problem.is_empty()).into(),
        json.as_ref().map(|json| json.get()).into(),
        bytes.into(),
    ];
    emit(&RAW, &cells);
}

/// The record of a message.
fn record<'a, T: Deserialize<'a>>(message: &'a RecordedMessage) -> Result<T, Why> {
    serde_json::from_slice(&message.data).map_err(|error| error.to_string())
}
