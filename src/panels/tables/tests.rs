//! What a live table remembers, and what keys do to what is shown of it.

use super::known::{MOST_COLUMNS, MOST_ROWS};
use super::*;
use crate::model::{Origin, Payload, Row, Rows, Sample, SourceInfo, Value};

fn at(ms: u64) -> Stamp {
    Stamp {
        mono_ns: ms * 1_000_000,
        unix_ns: 0,
    }
}

fn rows(table: &str, rows: &[(&str, &[(&str, Value)])], is_whole: bool) -> Rows {
    let row = |(key, cells): &(&str, &[(&str, Value)])| Row {
        key: (*key).into(),
        cells: cells
            .iter()
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect(),
    };
    Rows {
        table: table.into(),
        rows: rows.iter().map(row).collect(),
        is_whole,
    }
}

fn facts() -> Facts {
    let info = |id: u16| SourceInfo {
        id: SourceId(id),
        name: format!("s{id}").into(),
        address: "ws://lab".into(),
        origin: Origin::Live,
        caution: None,
    };
    Facts::new(vec![info(0), info(1)], Stamp::default())
}

fn say(facts: &mut Facts, source: u16, ms: u64, rows: Rows) {
    facts.take_sample(&Sample {
        source: SourceId(source),
        received: at(ms),
        payload: Payload::Rows(std::sync::Arc::new(rows)),
    });
}

fn keys(panel: &TablesPanel, facts: &Facts) -> Vec<String> {
    let (_, table) = panel.table(facts).unwrap();
    let rows = panel.rows(table);
    rows.iter().map(|row| row.key.to_string()).collect()
}

/// Three rows: a number, a text that is one, a word, and a row without the cell.
fn prices() -> Facts {
    let mut facts = facts();
    let all: [(&str, &[(&str, Value)]); 4] = [
        ("b", &[("p", Value::Float(10.5)), ("n", "Bee".into())]),
        ("a", &[("p", "9.25".into()), ("n", "Ant".into())]),
        ("d", &[("p", "halted".into())]),
        ("c", &[("n", "Cat".into())]),
    ];
    say(&mut facts, 0, 0, rows("t", &all, false));
    facts
}

#[test]
fn rows_are_sorted_by_the_column_under_the_cursor() {
    let facts = prices();
    let mut panel = TablesPanel::default();
    assert_eq!(keys(&panel, &facts), ["b", "a", "d", "c"]);
    panel.sort(&facts);
    assert_eq!(keys(&panel, &facts), ["a", "b", "c", "d"]);
    panel.reverse(&facts);
    assert_eq!(keys(&panel, &facts), ["d", "c", "b", "a"]);
    panel.step_column(true, &facts);
    panel.sort(&facts);
    // Numbers by size, texts behind them, a row without the cell last whichever way round.
    assert_eq!(keys(&panel, &facts), ["a", "b", "d", "c"]);
    panel.reverse(&facts);
    assert_eq!(keys(&panel, &facts), ["d", "b", "a", "c"]);
    panel.sort(&facts);
    assert_eq!(keys(&panel, &facts), ["b", "a", "d", "c"]);
    for _ in 0..9 {
        panel.step_column(true, &facts);
    }
    panel.sort(&facts);
    assert_eq!(panel.sorted_by(), Some(&(Shown::Age, false)));
}

#[test]
fn a_filter_looks_at_keys_and_cells() {
    let facts = prices();
    for (filter, found) in [
        ("", vec!["b", "a", "d", "c"]),
        ("A", vec!["a", "d", "c"]),
        ("9.2", vec!["a"]),
        ("bee", vec!["b"]),
        ("zzz", vec![]),
    ] {
        let panel = TablesPanel {
            filter: filter.to_owned(),
            ..TablesPanel::default()
        };
        assert_eq!(keys(&panel, &facts), found, "{filter}");
    }
}

#[test]
fn the_cursor_stays_on_its_row_and_near_its_place() {
    let mut facts = prices();
    let mut panel = TablesPanel::default();
    let place = |panel: &TablesPanel, facts: &Facts| {
        let (_, table) = panel.table(facts).unwrap();
        panel.cursor(&panel.rows(table))
    };
    panel.step(Step::Down, &facts);
    assert_eq!(place(&panel, &facts), 1);
    panel.sort(&facts);
    assert_eq!(
        place(&panel, &facts),
        0,
        "it is the row a, which is first now"
    );
    panel.step(Step::Bottom, &facts);
    say(&mut facts, 0, 5, rows("t", &[("a", &[])], true));
    facts.sources[0].tables.tick(at(60_000));
    assert_eq!(keys(&panel, &facts), ["a"]);
    assert_eq!(place(&panel, &facts), 0);
}

#[test]
fn changes_are_marked_for_a_moment_or_since_a_mark() {
    let mut facts = prices();
    let mut panel = TablesPanel::default();
    let marked = |panel: &TablesPanel, facts: &Facts, ms: u64| -> Vec<String> {
        let (_, table) = panel.table(facts).unwrap();
        let is_marked = |row: &&&KnownRow| {
            let mut cells = (0..2).filter_map(|column| row.cell(column));
            cells.any(|cell| panel.is_marked(cell, at(ms)))
        };
        let rows = panel.rows(table);
        let rows = rows.iter().filter(is_marked);
        rows.map(|row| row.key.to_string()).collect()
    };
    panel.mark(at(500));
    let change = [
        ("b", &[("p", Value::Float(11.0))][..]),
        ("a", &[("p", "9.25".into())]),
    ];
    say(&mut facts, 0, 1_000, rows("t", &change, false));
    say(
        &mut facts,
        0,
        1_000,
        rows("t", &[("new", &[("p", Value::Int(1))])], false),
    );
    assert_eq!(marked(&panel, &facts, 90_000), ["b", "new"]);
    panel.mark(at(80_000));
    assert_eq!(keys(&panel, &facts), ["b", "new"], "only what changed");
    panel.mark(at(80_000));
    assert_eq!(panel.since, Since::Moment);
    assert_eq!(marked(&panel, &facts, 1_900), ["b"]);
    assert_eq!(marked(&panel, &facts, 2_000), [""; 0]);
}

#[test]
fn a_row_is_stale_after_three_of_its_own_pauses() {
    let mut facts = facts();
    for ms in [0, 2_000, 4_000, 9_000] {
        say(
            &mut facts,
            0,
            ms,
            rows("t", &[("slow", &[]), ("once", &[])], false),
        );
    }
    for ms in [9_100, 9_200, 9_300] {
        say(&mut facts, 0, ms, rows("t", &[("fast", &[])], false));
    }
    say(&mut facts, 0, 9_000, rows("t", &[("new", &[])], false));
    let table = facts.sources[0].tables.get(&"t".into()).unwrap();
    let stale = |key: &str, ms: u64| table.row(&key.into()).unwrap().is_stale(at(ms));
    assert!(!stale("slow", 24_000) && stale("slow", 24_001));
    // No pause counts for less than a second.
    assert!(!stale("fast", 12_300) && stale("fast", 12_301));
    assert!(!stale("new", 1_000_000), "nothing is known of its pace");
}

#[test]
fn rows_that_have_gone_are_shown_for_a_while_and_may_come_back() {
    let mut facts = facts();
    say(&mut facts, 0, 0, rows("t", &[("a", &[]), ("b", &[])], true));
    say(&mut facts, 0, 1_000, rows("t", &[("b", &[])], true));
    let gone = |facts: &Facts, key: &str| {
        let table = facts.sources[0].tables.get(&"t".into()).unwrap();
        table.row(&key.into()).map(|row| row.gone.is_some())
    };
    assert_eq!(gone(&facts, "a"), Some(true));
    facts.sources[0].tables.tick(at(10_900));
    assert_eq!(gone(&facts, "a"), Some(true));
    say(&mut facts, 0, 10_950, rows("t", &[("a", &[])], false));
    assert_eq!(gone(&facts, "a"), Some(false));
    say(&mut facts, 0, 11_000, rows("t", &[], true));
    facts.sources[0].tables.tick(at(21_000));
    assert_eq!((gone(&facts, "a"), gone(&facts, "b")), (None, None));
}

#[test]
fn tables_rows_columns_and_cells_are_bounded() {
    let mut facts = facts();
    for n in 0..MOST_ROWS + 10 {
        let key = format!("k{n}");
        say(
            &mut facts,
            0,
            n as u64,
            rows("t", &[(&key, &[("p", Value::Int(1))])], false),
        );
        // This one is said all the time, and so never leaves.
        say(&mut facts, 0, n as u64, rows("t", &[("k0", &[])], false));
    }
    let table = facts.sources[0].tables.get(&"t".into()).unwrap();
    assert_eq!((table.rows().len(), table.forgotten), (MOST_ROWS, 10));
    assert!(table.row(&"k0".into()).is_some() && table.row(&"k1".into()).is_none());

    for n in 0..MOST_COLUMNS + 5 {
        say(
            &mut facts,
            0,
            0,
            rows(
                "wide",
                &[("a", &[(&format!("c{n}"), Value::Int(1))])],
                false,
            ),
        );
    }
    let wide = facts.sources[0].tables.get(&"wide".into()).unwrap();
    assert_eq!((wide.columns.len(), wide.passed_over), (MOST_COLUMNS, 5));

    for n in 0..100 {
        say(
            &mut facts,
            0,
            0,
            rows(&format!("t{n}"), &[("a", &[])], false),
        );
    }
    assert_eq!(facts.sources[0].tables.iter().len(), 64);
    assert_eq!(facts.sources[0].tables.passed_over(), 38);
}

#[test]
fn tables_of_all_sources_are_cycled_through() {
    let mut facts = facts();
    say(&mut facts, 1, 0, rows("x", &[("a", &[])], false));
    say(&mut facts, 0, 0, rows("y", &[("a", &[])], false));
    say(&mut facts, 0, 0, rows("x", &[("a", &[])], false));
    let mut panel = TablesPanel::default();
    let name = |panel: &TablesPanel| {
        let (source, table) = panel.table(&facts).unwrap();
        format!("{} {}", source.info.name, table.name)
    };
    let mut seen = vec![name(&panel)];
    for _ in 0..3 {
        panel.cycle(true, &facts);
        seen.push(name(&panel));
    }
    assert_eq!(seen, ["s0 y", "s0 x", "s1 x", "s0 y"]);
    panel.cycle(false, &facts);
    assert_eq!(name(&panel), "s1 x");
    panel.step_table(Step::Top, &facts);
    assert_eq!(name(&panel), "s0 y");
    let mut none = TablesPanel::default();
    none.cycle(true, &super::tests::facts());
    none.step(Step::Down, &super::tests::facts());
    assert_eq!(none, TablesPanel::default());
}
