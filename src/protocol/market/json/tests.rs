#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// The same value as serde_json's, number texts as strings.
fn to_value(json: Json<'_>) -> Value {
    match json.kind() {
        Kind::Null => Value::Null,
        Kind::True => Value::Bool(true),
        Kind::False => Value::Bool(false),
        Kind::Number => Value::String(String::from_utf8_lossy(json.raw()).into_owned()),
        Kind::Text | Kind::EscapedText => Value::String(json.str().unwrap().into_owned()),
        Kind::Array => json.items().map(to_value).collect(),
        Kind::Object => json
            .entries()
            .map(|(key, value)| (key.str().unwrap().into_owned(), to_value(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

fn numbers_as_text(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::Array(items) => items.into_iter().map(numbers_as_text).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, numbers_as_text(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other,
    }
}

#[test]
fn fields_are_found_and_number_texts_kept() {
    let mut tape = Tape::default();
    let text = br#" {"a":[1.50,"x\n\u00e9\ud834\udd1e",{}],"b":null,"a b":true,"\u0061c":-7,"d":1,"d":2} "#;
    let json = tape.read(text).unwrap();
    let mut items = json.get("a").unwrap().items();
    assert_eq!(items.next().unwrap().number(), Some(&b"1.50"[..]));
    assert_eq!(items.next().unwrap().str().unwrap(), "x\n\u{e9}\u{1d11e}");
    assert!(items.next().unwrap().is_object());
    assert!(items.next().is_none());
    assert_eq!(json.get("a b").unwrap().bool(), Some(true));
    assert_eq!(json.get("ac").unwrap().i64(), Some(-7));
    assert_eq!(json.get("d").unwrap().i64(), Some(2), "the last one counts");
    assert!(json.get("e").is_none());
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "01",
        "1.",
        ".5",
        "+1",
        "-",
        "1e",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "nul",
        "truefalse",
        "[1]]",
        "{}{}",
        "[1 2]",
        "NaN",
        "[}",
        "{]",
        "pong",
    ] {
        assert!(Tape::default().read(text.as_bytes()).is_err(), "{text}");
    }
    assert!(Tape::default().read(b"\"\xff\"").is_err());
    let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
    assert!(Tape::default().read(deep(127).as_bytes()).is_ok());
    assert!(Tape::default().read(deep(5000).as_bytes()).is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::String),
        "[0-9.\\\\\"a-z]{0,6}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_reads_as_serde_reads_it(value in any_json()) {
        let text = value.to_string();
        let mut tape = Tape::default();
        let json = tape.read(text.as_bytes());
        prop_assert!(json.is_ok());
        prop_assert_eq!(to_value(json.unwrap()), numbers_as_text(value));
    }

    #[test]
    fn a_broken_text_is_refused_exactly_where_serde_refuses_it(
        value in any_json(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut text = value.to_string().into_bytes();
        let at = at.index(text.len());
        if cut {
            text.truncate(at);
        } else {
            text[at] = byte;
        }
        let mine = Tape::default().read(&text).is_ok();
        let theirs = std::str::from_utf8(&text).is_ok()
            && serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(mine, theirs, "{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn punctuation_is_judged_as_serde_does(text in "[\\[\\]{},:\"0-9.eE+\\- \\\\tfnu]{0,12}") {
        let mine = Tape::default().read(text.as_bytes()).is_ok();
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(mine, theirs);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut tape = Tape::default();
        if let Ok(json) = tape.read(&bytes) {
            to_value(json);
        }
    }
}
