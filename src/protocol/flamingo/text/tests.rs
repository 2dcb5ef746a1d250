use proptest::prelude::*;

use super::*;

const TEXT: &str = "# made by hand\r\n<Scope Settings>\r\n  <Type>\r\n    Microscope name = n7\r\n    \
    Ratio = a = b\r\n  </Type>\r\n\r\n  <Stage limits>\n\tSoft limit min x-axis =1.0\n    \
    Empty =\n  </Stage limits>\n</Scope Settings>";

#[test]
fn a_text_is_a_tree_and_stays_the_text_it_was() {
    let document = Document::parse(TEXT.as_bytes());
    assert_eq!(document.oddities(), []);
    assert_eq!(document.to_bytes(), TEXT);
    let scope = document.root().section("Scope Settings").unwrap();
    let names: Vec<&str> = scope.sections().map(|section| section.name()).collect();
    assert_eq!(names, ["Type", "Stage limits"]);
    let kind = scope.section("Type").unwrap();
    let entries: Vec<(usize, &str, String)> = kind
        .entries()
        .map(|entry| (entry.line, entry.key, entry.value().into_owned()))
        .collect();
    assert_eq!(
        entries,
        [
            (4, "Microscope name", "n7".to_owned()),
            (5, "Ratio", "a = b".to_owned()),
        ]
    );
    let limits = document.find("Stage limits").unwrap();
    assert_eq!(limits.line(), 8);
    let x = limits.get("Soft limit min x-axis").unwrap();
    assert_eq!(x.number(), Some(1.0));
    assert_eq!(limits.get("Empty").unwrap().value(), "");
    assert!(document.find("Nothing").is_none());
    assert!(document.root().get("Ratio").is_none());
}

#[test]
fn a_changed_value_changes_nothing_else() {
    let mut document = Document::parse(TEXT.as_bytes());
    assert!(document.set(4, "n8"));
    assert!(document.set(9, "2.5"));
    assert!(document.set(10, "no more"));
    for (line, value) in [(0, "x"), (1, "x"), (2, "x"), (99, "x"), (4, "a\nb")] {
        assert!(!document.set(line, value), "{line} {value:?}");
    }
    let want = TEXT
        .replace("= n7\r", "= n8\r")
        .replace("=1.0\n", "=2.5\n")
        .replace("Empty =\n", "Empty = no more\n");
    assert_eq!(document.to_bytes(), want);
    assert_eq!(Document::parse(want.as_bytes()), document);
}

#[test]
fn bytes_that_are_not_utf8_are_kept() {
    let text = b"<A>\nv (\xb0/s) = 1\nb = \xff\n</A>\n";
    let mut document = Document::parse(text);
    let section = document.find("A").unwrap();
    assert_eq!(section.get("v (\u{fffd}/s)").unwrap().number(), Some(1.0));
    assert_eq!(document.to_bytes(), &text[..]);
    assert!(document.set(2, "3"));
    assert_eq!(
        document.to_bytes(),
        &b"<A>\nv (\xb0/s) = 3\nb = \xff\n</A>\n"[..]
    );
}

#[test]
fn lines_that_are_wrong_are_named_by_number() {
    let cases = [
        ("<A>\nno entry\n</A>\n", "line 2: neither <Section>"),
        ("<A>\n= 5\n</A>\n", "line 2: neither <Section>"),
        ("</A>\n", "line 1: </A> closes what is not open"),
        ("<A>\n", "line 1: <A> is not closed; write </A>"),
        ("<A>\n<B>\n</A>\n", "line 2: <B> is not closed"),
        ("<A>\nk=1\nk=2\n</A>\n", "line 3: \"k\" is there twice"),
        ("<A>\n</A>\n<A>\n</A>\n", "line 3: <A> is there twice"),
        (&"<A>\n".repeat(17), "line 17: sections are at most 16 deep"),
    ];
    for (text, want) in cases {
        let document = Document::parse(text.as_bytes());
        let found: Vec<String> = document.oddities().iter().map(Oddity::to_string).collect();
        assert!(
            found.iter().any(|line| line.starts_with(want)),
            "{text:?}: {found:?}"
        );
        assert_eq!(document.to_bytes(), text);
    }
    let twice = Document::parse(b"k = 1\nk = 2\n<A>\nk = 3\n</A>\n");
    assert_eq!(twice.root().get("k").unwrap().value(), "1");
    assert_eq!(twice.oddities().len(), 1, "another section, another key");
}

#[test]
fn numbers_may_have_commas_at_thousands_only() {
    let cases = [
        ("1234.5", Some(1234.5)),
        (" -3 ", Some(-3.0)),
        ("1,234.5", Some(1234.5)),
        ("-12,345,678", Some(-12_345_678.0)),
        ("40,000.00", Some(40_000.0)),
        ("1,5", None),
        ("1234,567", None),
        (",123", None),
        ("1,234.5,678", None),
        ("1,234e5", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("5 mm", None),
    ];
    for (written, value) in cases {
        assert_eq!(number(written), value, "{written:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_come_back_as_they_were(
        pieces in proptest::collection::vec(prop_oneof![
            Just(b"<A>".to_vec()), Just(b"</A>".to_vec()), Just(b"<B>\r\n".to_vec()),
            Just(b"\n".to_vec()), Just(b"k = v".to_vec()), Just(b"# c".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..20),
        ], 0..40),
        line in 0..20_usize,
    ) {
        let text = pieces.concat();
        let mut document = Document::parse(&text);
        prop_assert_eq!(document.to_bytes(), &text[..]);
        if document.set(line, "new") {
            let again = Document::parse(&document.to_bytes());
            let all = again.all().chain([again.root()]);
            let mut entries = all.flat_map(|section| section.entries().collect::<Vec<_>>());
            prop_assert!(entries.any(|e| e.line == line && e.value() == "new"));
        }
    }
}
