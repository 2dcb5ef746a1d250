//! The markets screen as text: every state at three sizes, each pane, many books, odd names.
#![allow(clippy::unwrap_used)]

#[path = "support/markets.rs"]
mod markets;
#[path = "support/screens.rs"]
mod screens;

use std::sync::Arc;

use markets::{COINBASE, KRAKEN, MINUTE, Market};
use proptest::prelude::*;
use ratatui::buffer::{Buffer, CellWidth};
use screens::Scene;
use ttyscope::app::Event;
use ttyscope::model::{BookState, Level, LinkState, Payload, PlainText, Scales, SourceId};
use ttyscope::ui::{ColorDepth, Role, Theme};

const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (160, 48)];

fn snapshot(name: String, scene: &Scene) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, scene.text()));
}

#[test]
fn markets_in_every_state() {
    for market in Market::ALL {
        for (cols, rows) in SIZES {
            let scene = Scene::markets(market, (cols, rows));
            snapshot(format!("markets_{}_{cols}x{rows}", market.name()), &scene);
        }
    }
}

#[test]
fn each_pane_and_what_keys_change() {
    let cases: [(&str, Market, (u16, u16), &str); 16] = [
        ("list_expanded", Market::Live, (100, 30), "e"),
        ("ladder_expanded", Market::Live, (80, 24), "enter e"),
        ("ladder_deep", Market::Live, (100, 48), "enter e d d"),
        ("ladder_shallow", Market::Live, (80, 24), "enter e d d d"),
        ("ladder_grouped", Market::Live, (80, 24), "enter e + + +"),
        ("ladder_cursor", Market::Live, (80, 24), "enter k k k"),
        (
            "ladder_cursor_bid",
            Market::Live,
            (100, 30),
            "enter e j j j j",
        ),
        ("ladders", Market::Crossed, (160, 48), "enter e"),
        ("heat", Market::Live, (80, 24), "tab tab"),
        ("heat_hole", Market::Gap, (100, 30), "tab tab e"),
        ("venues", Market::Refused, (80, 24), "tab tab tab"),
        ("figures", Market::Live, (80, 24), "tab tab tab tab"),
        ("feed", Market::Fallback, (80, 24), "shift-tab"),
        ("feed_refused", Market::Refused, (100, 30), "shift-tab e"),
        ("trades_only", Market::Live, (80, 24), "G enter"),
        ("filtered", Market::Live, (80, 24), "/ 'coinbase' enter"),
    ];
    for (name, market, size, keys) in cases {
        let mut scene = Scene::markets(market, size);
        scene.press(keys);
        if name == "heat_hole" {
            for second in 1..9 {
                scene.tick_of_markets(MINUTE + 1_000 * second);
            }
        }
        assert_rows_are_whole(&scene.draw());
        snapshot(format!("market_{name}"), &scene);
    }
}

#[test]
fn the_overview_counts_the_books_that_are_fresh() {
    let cases = [
        (Market::Live, "●  kraken", "2 of 2 books"),
        (Market::Gap, "◐  kraken", "1 of 2 books"),
        (Market::Gap, "BTC/USD resync: an update is missing", ""),
        (Market::Starting, "◌  kraken", "connecting"),
        (Market::Refused, "◐  kraken", "1 of 2 books"),
        (Market::Refused, "✕  coinbase", "0 of 1 book"),
    ];
    for (market, begins, says) in cases {
        let mut scene = Scene::markets(market, (100, 30));
        scene.press("1");
        let text = scene.text();
        let row = text.lines().find(|line| line.contains(begins));
        assert!(
            row.is_some_and(|row| row.contains(says)),
            "{market:?}: {text}"
        );
    }
    // From there to its books.
    let mut scene = Scene::markets(Market::Live, (100, 30));
    scene.press("1 j enter");
    assert!(
        scene.text().contains("── BTC/USD coinbase ·"),
        "{}",
        scene.text()
    );
}

#[test]
fn small_and_tiny_screens() {
    for (name, size, keys) in [
        ("small_list", (59, 17), ""),
        ("small_ladder", (44, 14), "enter"),
        ("small_heat", (40, 12), "tab tab"),
        ("tiny", (40, 4), ""),
    ] {
        let mut scene = Scene::markets(Market::Gap, size);
        scene.press(keys);
        snapshot(format!("market_{name}"), &scene);
    }
}

#[test]
fn without_colours_depth_is_told_by_letters_and_lights_by_theirs() {
    let mut options = markets::market_options((100, 30));
    options.theme = options.theme.for_depth(ColorDepth::None);
    options.color_depth = ColorDepth::None;
    let scene = Scene::markets_with(Market::Refused, options);
    let buf = scene.draw();
    let has_colour = |x: u16, y: u16| {
        let style = buf[(x, y)].style();
        let is_plain = |color| matches!(color, None | Some(ratatui::style::Color::Reset));
        !is_plain(style.fg) || !is_plain(style.bg)
    };
    for y in 0..30 {
        assert!(!(0..100).any(|x| has_colour(x, y)), "row {y}");
    }
    snapshot("market_no_colour".to_owned(), &scene);
}

#[test]
fn changed_levels_are_marked_for_a_moment_and_old_books_are_dim() {
    let theme = Theme::built_in("dark").unwrap();
    let mut scene = Scene::markets(Market::Live, (80, 24));
    assert!(scene.text().contains(['↑', '↓']));
    scene.tick_of_markets(MINUTE + 1_400);
    assert!(!scene.text().contains(['↑', '↓']), "{}", scene.text());
    let style_of_price = |scene: &Scene| {
        let buf = scene.draw();
        let text = screens::text(&buf);
        let (y, line) = text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains("64 117.6"))
            .last()
            .unwrap();
        let before = line.split("64 117.6").next().unwrap();
        buf[(ttyscope::ui::text::width(before), y as u16)]
            .style()
            .fg
    };
    assert_eq!(style_of_price(&scene), theme.style(Role::Value).fg);
    let stale = Scene::markets(Market::Stale, (80, 24));
    assert_eq!(style_of_price(&stale), theme.style(Role::Dim).fg);
}

#[test]
fn a_held_market_stands_still() {
    let body = |scene: &Scene| -> Vec<String> {
        scene.text().lines().skip(1).map(str::to_owned).collect()
    };
    for size in SIZES {
        let mut scene = Scene::markets(Market::Live, size);
        scene.press("f");
        let before = body(&scene);
        scene.second(MINUTE + 5_000);
        scene.second(MINUTE + 6_000);
        assert_eq!(body(&scene), before, "{size:?}");
        scene.press("f");
        assert_ne!(body(&scene), before, "{size:?}");
    }
}

#[test]
fn only_what_is_shown_makes_a_new_picture() {
    let mut scene = Scene::markets(Market::Live, (80, 24));
    let news = |scene: &mut Scene| {
        scene.app.drawn();
        let ms = MINUTE + 400;
        let view = markets::view(ms, "kraken", "BTC/USD", "BTC/USD", 641_190);
        scene.book(ms, KRAKEN, view);
        scene.app.needs_draw()
    };
    assert!(news(&mut scene));
    scene.press("f");
    assert!(!news(&mut scene));
    scene.press("f 4");
    assert!(!news(&mut scene));
}

/// The head line says how the markets come.
#[test]
fn the_head_line_says_where_it_comes_from() {
    use ttyscope::model::Origin::{Live, Simulated};
    let cases = [
        ([Live, Live], false, "LIVE (WebSocket) "),
        ([Simulated, Simulated], false, "SIM "),
        ([Live, Simulated], false, "LIVE (WebSocket) + SIM "),
        ([Live, Live], true, "REPLAY "),
    ];
    for (origins, replay, says) in cases {
        let mut options = markets::market_options((100, 30));
        options.sources.truncate(2);
        for (source, origin) in options.sources.iter_mut().zip(origins) {
            source.origin = origin;
        }
        (options.replay, options.can_record) = (replay, !replay);
        let scene = Scene::markets_with(Market::Live, options);
        let text = scene.text();
        let head = text.lines().nth(2).unwrap().trim_start();
        assert!(head.starts_with(says), "{says:?}: {head:?}");
    }
}

/// Five hundred books, of which one is in trouble.
fn many(size: (u16, u16)) -> Scene {
    let mut scene = Scene::new(markets::market_options(size));
    for n in 0..500 {
        let name = markets::numbered(n);
        let mid = 5 + 10_i64.pow((n % 9) as u32);
        let mut view = markets::view(1_000, "kraken", &name, &name, mid);
        view.rate_hz = n as f64;
        if n == 321 {
            view.state = BookState::Desync("an update is missing".into());
        }
        scene.book(1_000, KRAKEN, view);
    }
    scene.tick_of_markets(1_200);
    scene.press("3");
    scene
}

#[test]
fn five_hundred_books_scroll_and_sort() {
    let mut scene = many((80, 24));
    let list = |scene: &Scene| -> Vec<String> {
        let text = scene.text();
        text.lines().skip(4).take(5).map(str::to_owned).collect()
    };
    let cases = [
        ("", "C000/USD"),
        ("G", "C499/USD"),
        ("gg j j j j j j j j j j", "C010/USD"),
        ("gg / 'c32' enter", "C320/USD"),
        ("esc s gg", "C321/USD"),
        ("s gg", "C499/USD"),
    ];
    for (keys, expected) in cases {
        scene.press(keys);
        let rows = list(&scene);
        assert!(
            rows.iter().any(|row| row.contains(expected)),
            "{keys}: {rows:#?}"
        );
    }
    // The cursor stays with its book when the order changes.
    let chosen = |scene: &Scene| {
        let text = scene.text();
        let title = text.lines().rfind(|line| line.starts_with("── C")).unwrap();
        title.split_whitespace().nth(1).unwrap().to_owned()
    };
    scene.press("n n");
    let before = chosen(&scene);
    scene.press("s s s");
    assert_eq!(chosen(&scene), before);
}

#[test]
fn points_stand_under_one_another_and_no_number_is_cut() {
    for cols in 60..=170 {
        let scene = many((cols, 40));
        let text = scene.text();
        let rows: Vec<&str> = text.lines().skip(4).take(9).collect();
        let mut points: Vec<Vec<usize>> = rows
            .iter()
            .map(|row| {
                let columns = row.chars().enumerate();
                columns
                    .filter(|(_, c)| *c == '.')
                    .map(|(x, _)| x)
                    .take(2)
                    .collect()
            })
            .collect();
        points.dedup();
        assert_eq!(points.len(), 1, "{cols}: {rows:#?}");
        for line in text.lines() {
            let cut = line.find('…').and_then(|at| line[..at].chars().next_back());
            assert!(!cut.is_some_and(|c| c.is_ascii_digit()), "{cols}: {line}");
        }
    }
}

#[test]
fn wide_names_keep_the_columns() {
    for size in [(80, 24), (160, 48), (33, 9), (61, 19)] {
        let mut scene = Scene::markets(Market::Live, size);
        for (n, name) in ["暗号通貨/円の板", "Ω𝄞/USD", "👩‍🔬👩‍🔬/USD"]
            .into_iter()
            .enumerate()
        {
            let view = markets::view(MINUTE, "取引所", name, name, 5_000 + n as i64);
            scene.book(MINUTE + 400, COINBASE, view);
        }
        for keys in ["", "n n n", "enter", "tab", "tab", "tab", "tab", "e"] {
            scene.press(keys);
            assert_rows_are_whole(&scene.draw());
        }
        if size == (80, 24) {
            scene.press("e tab j");
            snapshot("market_wide_names_80x24".to_owned(), &scene);
        }
    }
}

/// Every row is exactly as wide as the area: no glyph sticks out, none stands on half of another.
fn assert_rows_are_whole(buf: &Buffer) {
    for y in 0..buf.area.height {
        let mut x = 0;
        while x < buf.area.width {
            let wide = buf[(x, y)].cell_width().max(1);
            for behind in 1..wide {
                assert!(x + behind < buf.area.width, "row {y}: a glyph sticks out");
                assert_eq!(buf[(x + behind, y)].symbol(), " ", "row {y}");
            }
            x += wide;
        }
    }
}

/// A book as a broken or hostile venue may make it.
fn any_book() -> impl Strategy<Value = Payload> {
    // No venue's parser takes a sign: numbers are as large as they like, and not negative.
    let level = (0..i64::MAX, 0..i128::MAX).prop_map(|(price, size)| Level { price, size });
    let levels = || prop::collection::vec(level.clone(), 0..120);
    let names = (any::<String>(), 0_u8..4);
    let numbers = (any::<i64>(), 0_u8..40, 0_u8..40, any::<f64>());
    (names, numbers, levels(), levels(), 0_u8..6).prop_map(
        |((name, which), (tick, price, size, rate), bids, asks, state)| {
            let symbol = format!("S{which}");
            let mut view = markets::view(MINUTE, "kraken", &symbol, &name, 100);
            view.scales = Scales { price, size };
            view.tick = tick;
            view.rate_hz = rate;
            (view.bids, view.asks) = (bids, asks);
            if let Some(metrics) = &mut view.metrics {
                (metrics.mid, metrics.spread_bps) = (rate, -rate);
                metrics.imbalance = [rate; 3];
            }
            let words = PlainText::from(name);
            view.state = match state {
                0 => BookState::Starting(words),
                1 => BookState::Desync(words),
                2 => BookState::Closed(words),
                3 => BookState::Failed(words),
                _ => BookState::Live,
            };
            Payload::Book(Arc::new(view))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn nothing_that_a_venue_says_breaks_the_screen(
        books in prop::collection::vec((0_u16..4, any_book(), 0_u64..3_000), 1..12),
        keys in prop::collection::vec(
            prop::sample::select("j k n N d + - s e tab enter esc G gg pgup pgdn f 3".split(' ').collect::<Vec<_>>()),
            0..24,
        ),
        size in (1_u16..200, 1_u16..70),
    ) {
        let mut scene = Scene::markets(Market::Live, size);
        let mut now = MINUTE + 400;
        let mut keys = keys.into_iter();
        for (source, book, later) in books {
            now += later;
            scene.sample(now, SourceId(source), book);
            scene.tick_of_markets(now);
            for key in keys.by_ref().take(3) {
                scene.press(key);
            }
            assert_rows_are_whole(&scene.draw());
        }
        let (cols, rows) = (size.1, size.0);
        scene.size = (cols, rows);
        scene.event(now, Event::Resize { cols, rows });
        scene.sample(now, KRAKEN, Payload::Link(LinkState::Ended));
        assert_rows_are_whole(&scene.draw());
    }
}
