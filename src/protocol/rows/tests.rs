//! Expressions, the automatic mode, limits, and that no message can do harm.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use proptest::prelude::*;

use super::*;
use crate::model::Value;

/// `key: column=value, …` for each row.
fn shown(picked: &Picked) -> Vec<String> {
    let value = |value: &Value| match value {
        Value::Float(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Text(text) => format!("{text:?}"),
    };
    let rows = picked.rows.iter().flat_map(|rows| &rows.rows);
    rows.map(|row| {
        let cells = row.cells.iter();
        let cells: Vec<String> = cells.map(|(c, v)| format!("{c}={}", value(v))).collect();
        format!("{}: {}", row.key, cells.join(", "))
    })
    .collect()
}

fn picker(rows: Option<&str>, key: Option<&str>) -> Picker {
    Picker::new(rows, key, None, false).unwrap()
}

#[test]
fn a_path_says_what_is_a_row_and_a_key_what_it_is_called() {
    type Case = (
        &'static str,
        Option<&'static str>,
        &'static str,
        &'static [&'static str],
    );
    let cases: [Case; 17] = [
        (
            "$.data[*]",
            Some("symbol"),
            r#"{"data":[{"symbol":"A","p":1.5},{"symbol":"B","p":"x"}]}"#,
            &["A: p=1.5", "B: p=\"x\""],
        ),
        (
            "$.data[*]",
            Some("{venue}/{symbol}"),
            r#"{"data":[{"symbol":"A","venue":"k","p":1}]}"#,
            &["k/A: symbol=\"A\", venue=\"k\", p=1"],
        ),
        (
            "$.data[*]",
            Some("{$.type}-{info.id}"),
            r#"{"type":"t","data":[{"info":{"id":7}}]}"#,
            &["t-7: info.id=7"],
        ),
        (
            "$.prices.*",
            None,
            r#"{"prices":{"BTC":{"bid":1,"ask":2},"ETH":3}}"#,
            &["BTC: bid=1, ask=2", "ETH: value=3"],
        ),
        (
            "$.v.*.*",
            None,
            r#"{"v":{"kraken":{"BTC":{"p":1}},"okx":{"BTC":{"p":2}}}}"#,
            &["kraken/BTC: p=1", "okx/BTC: p=2"],
        ),
        (
            "$.v.*[*]",
            Some("@"),
            r#"{"v":{"k":[{"id":"x","p":1}]}}"#,
            &["k/0: id=\"x\", p=1"],
        ),
        (
            "$",
            None,
            r#"{"a":1,"b":{"c":{"d":true}}}"#,
            &["t: a=1, b.c.d=true"],
        ),
        (
            "$",
            None,
            r#"[1,"x",null,[2]]"#,
            &["t: 0=1, 1=\"x\", 2=\"null\", 3=\"[2]\""],
        ),
        ("$[1]", Some("s"), r#"[9,{"s":"A","p":1}]"#, &["A: p=1"]),
        (
            "$.bids[*]",
            Some("[0]"),
            r#"{"bids":[["1.5","2"]]}"#,
            &["1.5: 0=\"1.5\", 1=\"2\""],
        ),
        (
            r#"$["a.b"]["q\"\\"]"#,
            None,
            r#"{"a.b":{"q\"\\":{"x":1}}}"#,
            &["t: x=1"],
        ),
        // Written twice, the last one counts.
        (
            "$.a",
            None,
            r#"{"a":{"x":1},"a":{"y":2,"y":3}}"#,
            &["t: y=3"],
        ),
        // A message of another kind has no rows, and that is no fault.
        (
            "$.data[*]",
            Some("symbol"),
            r#"{"result":null,"id":1}"#,
            &[],
        ),
        (
            "$.data[*]",
            Some("symbol"),
            r#"{"data":{"symbol":"A"}}"#,
            &[],
        ),
        ("$.data[7]", None, r#"{"data":[1]}"#, &[]),
        ("$.*", None, "[1,2]", &[]),
        ("$.data[*]", Some("symbol"), r#"{"data":[]}"#, &[]),
    ];
    for (path, key, message, rows) in cases {
        let found = picker(Some(path), key)
            .pick(message.as_bytes(), "t")
            .unwrap();
        assert_eq!(shown(&found), rows, "{path} in {message}");
        assert!(found.passed_over.is_nothing(), "{path} in {message}");
    }
}

#[test]
fn without_a_path_the_rules_decide() {
    let cases: [(&str, &[&str]); 15] = [
        (r#"[{"id":7,"p":1},{"id":8,"p":2}]"#, &["7: p=1", "8: p=2"]),
        (r#"[{"Name":"a","id":"","p":1}]"#, &["a: id=\"\", p=1"]),
        (r#"[{"symbol":"S","name":"N"}]"#, &["N: symbol=\"S\""]),
        (r#"[{"p":1},{"p":2}]"#, &["0: p=1", "1: p=2"]),
        (r#"[1,2]"#, &["0: value=1", "1: value=2"]),
        (r#"{"a":{"p":1},"b":{"p":2}}"#, &["a: p=1", "b: p=2"]),
        (r#"{"a":{"id":"z","p":1}}"#, &["a: id=\"z\", p=1"]),
        (r#"{"type":"t","data":[{"key":"k","p":1}]}"#, &["k: p=1"]),
        (
            r#"{"x":[{"p":1}],"y":[{"p":2}]}"#,
            &[r#"t: x="[{\"p\":1}]", y="[{\"p\":2}]""#],
        ),
        (r#"{"x":[1,2],"y":5}"#, &["t: x=\"[1,2]\", y=5"]),
        (
            r#"{"symbol":"S","p":1,"n":{"m":null}}"#,
            &["S: p=1, n.m=\"null\""],
        ),
        (r#"{"p":1}"#, &["t: p=1"]),
        ("{}", &[]),
        ("[]", &[]),
        (r#""pong""#, &[]),
    ];
    for (message, rows) in cases {
        let found = Picker::default().pick(message.as_bytes(), "t").unwrap();
        assert_eq!(shown(&found), rows, "{message}");
    }
}

#[test]
fn the_table_is_named_by_the_message_or_by_the_operator() {
    let message = br#"{"channel":"ticker","data":[{"id":1}]}"#;
    for (table, name) in [
        (None, "given"),
        (Some("mine"), "mine"),
        (Some("$.channel"), "ticker"),
        (Some("$.nothing"), "given"),
        (Some("$.data"), "given"),
    ] {
        let picker = Picker::new(Some("$.data[*]"), None, table, false).unwrap();
        let rows = picker.pick(message, "given").unwrap().rows.unwrap();
        assert_eq!(rows.table.as_str(), name, "{table:?}");
    }
}

#[test]
fn a_whole_table_without_rows_is_still_said() {
    let whole = Picker::new(Some("$.data[*]"), Some("id"), None, true).unwrap();
    let rows = |message: &str| whole.pick(message.as_bytes(), "t").unwrap().rows;
    assert!(rows(r#"{"data":[]}"#).is_some_and(|rows| rows.is_whole && rows.rows.is_empty()));
    assert_eq!(rows(r#"{"ping":1}"#), None);
}

#[test]
fn an_event_is_looked_at_from_its_first_structure() {
    let picker = Picker::default();
    let rows = |event: &str| shown(&picker.pick_event(event.as_bytes(), "tick").unwrap());
    let cases: [(&str, &[&str]); 6] = [
        (r#"["tick",{"id":"a","p":1}]"#, &["a: p=1"]),
        (r#"["tick",5,[{"id":"a","p":1}],{"id":"b"}]"#, &["a: p=1"]),
        (
            r#"["tick",{"_placeholder":true,"num":0},{"p":1}]"#,
            &["tick: p=1"],
        ),
        (r#"["tick",5]"#, &[]),
        (r#"["tick"]"#, &[]),
        ("[]", &[]),
    ];
    for (event, expected) in cases {
        assert_eq!(rows(event), expected, "{event}");
    }
    assert!(picker.pick_event(b"{}", "tick").is_err());
    assert!(picker.pick_event(b"[1,", "tick").is_err());
}

#[test]
fn an_expression_that_is_wrong_says_where_and_what_to_write() {
    let rows = [
        ("data[*]", 1, "begins with $", "$.data[*]"),
        ("", 1, "begins with $", "$.data[*]"),
        ("$data", 2, "begins with . or [, not \"d\"", ".name"),
        (
            "$.",
            3,
            "a name is needed here, not the end",
            "name of a member",
        ),
        (
            "$..a",
            3,
            "a name is needed here, not \".\"",
            "name of a member",
        ),
        ("$.a[x]", 5, "a number, * or a name in quotes", "[0], [*]"),
        ("$.a[3", 6, "a ] is needed here, not the end", "[0], [*]"),
        ("$.a[-1]", 5, "a number, * or", "[0]"),
        ("$.a[99999]", 5, "further than item 9999", "[*] for all"),
        ("$[\"a", 4, "no closing quote", "any name"),
        ("$[\"a\\n\"]", 6, "a backslash stands", r#"\""#),
        ("$.a b", 4, "begins with . or [", ".name"),
        ("$.é[é]", 5, "a number", "[0]"),
        (
            "$.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q",
            34,
            "more than 16 steps",
            "nearer",
        ),
    ];
    let checked = |error: ExpressionError, at: usize, problem: &str, advice: &str| {
        let said = error.to_string();
        assert_eq!(error.at, at, "{said}");
        assert!(said.contains(problem) && said.contains(advice), "{said}");
    };
    for (written, at, problem, advice) in rows {
        let error = Picker::new(Some(written), None, None, false).unwrap_err();
        checked(error, at, problem, advice);
    }
    let keys = [
        ("", 1, "a name is needed", "name of a member"),
        ("a[*]", 3, "* means several values", "@ for the name"),
        ("{a}/{b", 6, "has no }", "{venue}/{symbol}"),
        ("a}/{b}", 1, "a } without", "{venue}/{symbol}"),
        ("{a}}", 4, "a } without", "{venue}/{symbol}"),
        ("{}", 1, "a name is needed", "name of a member"),
        ("$.a.*", 5, "* means several", "write a name"),
    ];
    for (written, at, problem, advice) in keys {
        let error = Picker::new(None, Some(written), None, false).unwrap_err();
        checked(error, at, problem, advice);
    }
    let table = Picker::new(None, None, Some("$.a[*]"), false).unwrap_err();
    checked(table, 5, "* means several", "write a name");
    let hostile = Picker::new(Some("$.\u{1b}[2J"), None, None, false).unwrap_err();
    assert!(!hostile.to_string().contains('\u{1b}'), "{hostile}");
}

#[test]
fn what_is_over_a_limit_is_counted() {
    let pick = |message: &str| Picker::default().pick(message.as_bytes(), "t").unwrap();
    let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(","));

    let many = pick(&list("1", MOST_ROWS + 5));
    assert_eq!(many.rows.unwrap().rows.len(), MOST_ROWS);
    assert_eq!(many.passed_over.rows, 5);

    let members: Vec<String> = (0..MOST_COLUMNS + 3)
        .map(|n| format!("\"c{n}\":1"))
        .collect();
    let wide = format!("{{{}}}", members.join(","));
    let found = pick(&wide);
    assert_eq!(found.rows.unwrap().rows[0].cells.len(), MOST_COLUMNS);
    assert_eq!(found.passed_over.cells, 3);

    let full = pick(&list(&wide, 2_000));
    let rows = full.rows.unwrap().rows;
    let cells: usize = rows.iter().map(|row| row.cells.len()).sum();
    assert_eq!(cells, MOST_CELLS);
    assert_eq!(rows.len() as u64 + full.passed_over.rows, 2_000);

    let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let found = pick(&deep);
    let row = &found.rows.as_ref().unwrap().rows[0];
    assert_eq!(row.cells[0].0.matches('a').count(), DEEPEST);

    let long = "é".repeat(100_000);
    let found = pick(&format!(r#"{{"id":"{long}","{long}":"{long}"}}"#));
    let row = &found.rows.as_ref().unwrap().rows[0];
    let (column, Value::Text(text)) = &row.cells[0] else {
        panic!("a text stays a text: {row:?}");
    };
    assert!(row.key.len() <= KEY_BYTES + 3 && column.len() <= NAME_BYTES + 3);
    assert!(text.len() <= TEXT_BYTES + 3);

    let keyless =
        picker(Some("$[*]"), Some("a")).pick(br#"[{"a":1},{"a":null},{"b":1},{"a":{}}]"#, "t");
    let keyless = keyless.unwrap();
    assert_eq!(shown(&keyless), ["1: "]);
    assert_eq!(keyless.passed_over.without_key, 3);
}

#[test]
fn half_a_surrogate_pair_spoils_only_what_it_is_in() {
    let found = Picker::default()
        .pick(br#"[{"a":"\ud800x"},{"\ud800":1},{"a":2}]"#, "t")
        .unwrap();
    assert_eq!(shown(&found), [r#"0: a="\\ud800x""#, "2: a=2"]);
    assert_eq!(found.passed_over.unreadable, 1);
}

#[test]
fn what_is_not_json_is_said_with_its_place() {
    for message in [
        &b"hello"[..],
        b"",
        b"{\"a\":",
        b"[1,2",
        b"{\"a\":NaN}",
        b"\xff\xfe",
        b"{\"a\":\"\xff\"}",
        b"{} {}",
    ] {
        let error = Picker::default().pick(message, "t").unwrap_err();
        assert!(!error.to_string().is_empty());
    }
    let error = Picker::default().pick(b"[1,\n oops]", "t").unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}

/// Any JSON, as text; numbers of all kinds among it.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>()
            .prop_filter("JSON has no others", |f| f.is_finite())
            .prop_map(|f| format!("{f:e}")),
        "-?[1-9][0-9]{0,30}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,6})?",
        any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        let name = prop_oneof!["[a-c]", "id|key|name|symbol", any::<String>()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((name, inner), 0..6).prop_map(|members| {
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(n, v)| format!("{}:{v}", serde_json::to_string(&n).unwrap()))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_taken_within_the_limits_and_twice_alike(
        message in json(),
        path in prop::option::of(prop::sample::select(vec!["$", "$[*]", "$.*", "$.a[*]", "$.*.*", "$[*].b"])),
        key in prop::option::of(prop::sample::select(vec!["a", "id", "@", "{a}/{@}", "$.a", "[0]"])),
    ) {
        let picker = Picker::new(path, key, Some("$.a"), false).unwrap();
        let found = picker.pick(message.as_bytes(), "t").unwrap();
        for row in found.rows.iter().flat_map(|rows| &rows.rows) {
            prop_assert!(row.cells.len() <= MOST_COLUMNS);
            prop_assert!(!row.key.is_empty() && row.key.len() <= KEY_BYTES + 3);
            for (column, value) in &row.cells {
                prop_assert!(column.len() <= NAME_BYTES + 3);
                if let Value::Text(text) = value {
                    prop_assert!(text.len() <= 3 * (TEXT_BYTES + 3));
                }
            }
        }
        prop_assert_eq!(picker.pick(message.as_bytes(), "t").unwrap(), found);
    }

    #[test]
    fn any_bytes_are_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok()
            && std::str::from_utf8(&bytes).is_ok();
        prop_assert_eq!(Picker::default().pick(&bytes, "t").is_ok(), is_json);
    }

    #[test]
    fn a_message_cut_short_is_an_error(message in json(), cut in any::<prop::sample::Index>()) {
        prop_assume!(message.starts_with(['{', '[']));
        let end = message.floor_char_boundary(cut.index(message.len()));
        prop_assert!(Picker::default().pick(&message.as_bytes()[..end], "t").is_err());
    }

    #[test]
    fn any_text_is_an_expression_or_an_error_that_points_into_it(written in "[$@{}\"\\\\.a*0-9é \\[\\]]{0,20}") {
        for parsed in [
            Picker::new(Some(&written), None, None, false),
            Picker::new(None, Some(&written), None, false),
            Picker::new(None, None, Some(&written), false),
        ] {
            if let Err(error) = parsed {
                prop_assert!(error.at >= 1 && error.at <= written.chars().count() + 1, "{}", error);
            }
        }
    }

    #[test]
    fn a_number_is_kept_as_it_was_said(number in "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,20})?") {
        let message = format!("[{number}]");
        let found = Picker::default().pick(message.as_bytes(), "t").unwrap();
        let value = found.rows.unwrap().rows[0].cells[0].1.clone();
        let trimmed = |text: &str| match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text.to_owned(),
        };
        let said = match value {
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Text(text) => text.to_string(),
            Value::Bool(_) => unreachable!("no number is true"),
        };
        prop_assert_eq!(trimmed(&said), trimmed(&number));
    }
}
